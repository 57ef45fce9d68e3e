"""Networks beside one another: what each costs, and what it gains for that."""
