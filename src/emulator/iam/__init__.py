"""Who may do what: policies, the permissions that each call needs, and the decision."""
