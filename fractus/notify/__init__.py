"""Wake-ups: between the processes of one node (datagrams), and between nodes (RabbitMQ), with who owns which
cloud's queue. It knows neither rows nor the machine.

A message is the name of a queue and nothing else. Lost, doubled or late ones do no harm: workers also look by
themselves, and what they do is decided by leases in the store.
"""
