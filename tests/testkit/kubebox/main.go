// Kubebox is a Kubernetes API for tests in one program: kube-apiserver with etcd in its process,
// kube-controller-manager, and a stand-in for scheduler and kubelet that calls pods running and
// runs nothing.
//
//	KUBEBOX_DIR=DIR kubebox apiserver|controller-manager|kubelet FLAGS
//
// It ends when its standard input does, so that it never outlives the test run that started it.
package main

import (
	"fmt"
	"io"
	"net/url"
	"os"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	manager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

func main() {
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); os.Exit(0) }()
	if len(os.Args) < 2 {
		die(fmt.Errorf("say apiserver, controller-manager or kubelet"))
	}
	part, dir := os.Args[1], os.Getenv("KUBEBOX_DIR")
	os.Args = append(os.Args[:1], os.Args[2:]...)
	switch part {
	case "apiserver":
		startEtcd(dir)
		os.Args = append(os.Args, "--etcd-servers=unix://"+dir+"/c")
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "controller-manager":
		os.Exit(cli.Run(manager.NewControllerManagerCommand()))
	case "kubelet":
		runKubelet(dir + "/kubeconfig")
	default:
		die(fmt.Errorf("%q is none of apiserver, controller-manager, kubelet", part))
	}
}

// startEtcd listens on two unix sockets of this process: no port, no TLS, no fsync.
func startEtcd(dir string) {
	unix := func(name string) []url.URL { return []url.URL{{Scheme: "unix", Path: dir + name}} }
	c := embed.NewConfig()
	c.Dir, c.LogLevel, c.UnsafeNoFsync = dir+"/etcd", "error", true
	c.ListenClientUrls, c.AdvertiseClientUrls = unix("/c"), unix("/c")
	c.ListenPeerUrls, c.AdvertisePeerUrls = unix("/p"), unix("/p")
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	e, err := embed.StartEtcd(c)
	die(err)
	<-e.Server.ReadyNotify()
}

func die(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "kubebox:", err)
		os.Exit(1)
	}
}
