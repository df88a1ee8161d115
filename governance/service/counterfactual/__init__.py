"""Counterfactual fairness of texts: templates -> variants -> the endpoint's answers -> findings."""
