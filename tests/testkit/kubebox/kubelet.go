package main

import (
	"context"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/retry"
)

const node = "fake"

type kubelet struct{ client kubernetes.Interface }

// runKubelet makes up a node, binds pods to it, calls them Running (a Job's: Succeeded) and lets
// deleted ones go. No image is pulled, no probe and no command is run.
func runKubelet(kubeconfig string) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	die(err)
	config.QPS, config.Burst = 200, 400
	k := kubelet{kubernetes.NewForConfigOrDie(config)}
	k.register()
	// The resync retries what failed.
	factory := informers.NewSharedInformerFactory(k.client, 5*time.Second)
	_, err = factory.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    k.handle,
		UpdateFunc: func(_, pod any) { k.handle(pod) },
	})
	die(err)
	factory.Start(nil)
	select {}
}

func (k kubelet) register() {
	ctx, nodes := context.Background(), k.client.CoreV1().Nodes()
	_, err := nodes.Create(ctx, &core.Node{ObjectMeta: meta.ObjectMeta{Name: node}}, meta.CreateOptions{})
	die(err)
	all := core.ResourceList{
		"cpu": resource.MustParse("64"), "memory": resource.MustParse("256Gi"), "pods": resource.MustParse("500"),
	}
	// Controllers write to a new node too.
	die(retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		made, err := nodes.Get(ctx, node, meta.GetOptions{})
		if err != nil {
			return err
		}
		made.Status.Allocatable, made.Status.Capacity = all, all
		made.Status.Conditions = []core.NodeCondition{{Type: core.NodeReady, Status: "True"}}
		_, err = nodes.UpdateStatus(ctx, made, meta.UpdateOptions{})
		return err
	}))
}

func (k kubelet) handle(object any) {
	pod, ctx := object.(*core.Pod).DeepCopy(), context.Background()
	pods, now := k.client.CoreV1().Pods(pod.Namespace), int64(0)
	switch {
	case pod.DeletionTimestamp != nil:
		_ = pods.Delete(ctx, pod.Name, meta.DeleteOptions{GracePeriodSeconds: &now})
	case pod.Spec.NodeName == "" && len(pod.Spec.SchedulingGates) == 0:
		_ = pods.Bind(ctx, &core.Binding{
			ObjectMeta: meta.ObjectMeta{Name: pod.Name},
			Target:     core.ObjectReference{Kind: "Node", Name: node},
		}, meta.CreateOptions{})
	case pod.Spec.NodeName != "" && pod.Status.Phase == core.PodPending:
		startPod(pod)
		_, _ = pods.UpdateStatus(ctx, pod, meta.UpdateOptions{})
	}
}

func startPod(pod *core.Pod) {
	status, now := &pod.Status, meta.Now()
	once := pod.Spec.RestartPolicy != core.RestartPolicyAlways
	for _, c := range pod.Spec.InitContainers {
		sidecar := c.RestartPolicy != nil && *c.RestartPolicy == core.ContainerRestartPolicyAlways
		status.InitContainerStatuses = append(status.InitContainerStatuses, containerStatus(c, once || !sidecar))
	}
	for _, c := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, containerStatus(c, once))
	}
	status.Phase = core.PodRunning
	if once {
		status.Phase = core.PodSucceeded
	}
	status.StartTime, status.HostIP, status.PodIP = &now, "127.0.0.1", "127.0.0.1"
	for _, kind := range []core.PodConditionType{core.PodInitialized, core.ContainersReady, core.PodReady} {
		status.Conditions = append(status.Conditions,
			core.PodCondition{Type: kind, Status: "True", LastTransitionTime: now})
	}
}

func containerStatus(c core.Container, ended bool) core.ContainerStatus {
	now, yes := meta.Now(), true
	status := core.ContainerStatus{Name: c.Name, Image: c.Image, Ready: true, Started: &yes}
	status.State.Running = &core.ContainerStateRunning{StartedAt: now}
	if ended {
		status.State = core.ContainerState{Terminated: &core.ContainerStateTerminated{
			Reason: "Completed", StartedAt: now, FinishedAt: now,
		}}
	}
	return status
}
