"""The router: the directory of live users, and the actor that spawns, feeds and retires them."""
