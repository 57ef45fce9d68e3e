"""The network: what to build, its modules, its layer graph, and the devices that it runs on."""
