"""The broker's side of the relay between instances: what a partner may do, and the way to it.

``definitions`` says in RabbitMQ's own words what should be there, ``management`` makes a broker
like that, ``folder`` is an instance's folder with its facts and secrets, ``card`` what partners
give each other. Nothing here signs or reads a package: that is registration's.
"""
