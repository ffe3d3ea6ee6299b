# SPDX-License-Identifier: GPL-2.0
"""A server is killed and started 500 times while 8 clients connect all the time."""
import os
import signal
import socket
import time

from redirect_lib import Child, cgroup, cgsock, finish, ok, same, show

RESTARTS, CLIENTS = 500, 8


def serve(child):
    server = socket.socket()
    server.bind(('0.0.0.0', 8080))
    server.listen(128)
    child.tell(time.monotonic())
    while True:
        server.accept()[0].close()


def connect(child):
    """Until SIGTERM: how often it went well; begin and end of each call that was refused or reset."""
    made, refused, over = 0, [], []
    signal.signal(signal.SIGTERM, lambda *_: over.append(1))
    child.tell('ready')
    while not over:
        begin = time.monotonic()
        with socket.socket() as client:
            try:
                client.connect(('127.0.0.1', 8080))
                made += 1
            except (ConnectionRefusedError, ConnectionResetError):
                refused.append((begin, time.monotonic()))
    return made, refused


def restart_one(place, clients, restarts):
    """Answers of the clients, and the times in which the server was there or ended."""
    alive, ended = [], []
    for _ in range(restarts):
        server = Child(place, serve)
        ready = server.hear()
        time.sleep(0.002)
        alive.append((ready, time.monotonic()))
        server.kill()
        ended.append((alive[-1][1], time.monotonic()))
    for client in clients:
        os.kill(client.pid, signal.SIGTERM)
    answers = [client.hear(60) for client in clients]
    for client in clients:
        client.wait()
    return answers, alive, ended


def start_clients():
    clients = [Child('app', connect) for _ in range(CLIENTS)]
    for client in clients:
        client.hear()
    return clients


place, steady = cgroup('server'), cgroup('steady')
cgroup('app')
cgsock('service', place, '8080', '127.0.0.2')
cgsock('service', steady, '8080', '127.0.0.2')
cgsock('client', 'app')

answers, alive, _ = restart_one(place, start_clients(), RESTARTS)
refused = [call for answer in answers for call in answer[1]]
wrong = [call for call in refused
         if any(ready <= call[0] and call[1] <= killed for ready, killed in alive)]
print(f'# one server: {sum(answer[0] for answer in answers)} connections,',
      f'{len(refused)} refused while it was not there')
same(f'{RESTARTS} restarts', RESTARTS, len(alive))
ok('all clients were served', all(answer[0] for answer in answers), answers)
same('none was refused while the server was there', [], wrong)
same('no replica is left behind', [], show())
same('none was left out', [], show('full'))

other = Child(steady, serve)
other.hear()
answers, alive, ended = restart_one(place, start_clients(), RESTARTS)
refused = [call for answer in answers for call in answer[1]]
wrong = [call for call in refused
         if not any(begin < killed_end and killed < end
                    for begin, end in [call] for killed, killed_end in ended)]
print(f'# beside one that stays: {sum(answer[0] for answer in answers)} connections,',
      f'{len(refused)} refused by a server that was just ending')
same(f'{RESTARTS} restarts beside one that stays', RESTARTS, len(alive))
ok('all clients were served', all(answer[0] for answer in answers), answers)
same('none was refused but by a server in its last moment', [], wrong)
same('one replica is left', [f'/{steady}'], [replica['cgroup'] for replica in show()])
other.kill()
same('none is left', [], show())
for name in (place, steady, 'app'):
    cgsock('clear', name)
finish()
