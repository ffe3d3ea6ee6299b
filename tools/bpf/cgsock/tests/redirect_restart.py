# SPDX-License-Identifier: GPL-2.0
"""A server is killed and started 500 times while 8 clients connect all the time."""
import mmap
import os
import socket
import time

from redirect_lib import Child, Stop, cgroup, cgsock, finish, ok, same, show, stop_all

RESTARTS, RESTARTS_BESIDE, CLIENTS = 500, 100, 8


# How often the server went from one state to the next: it is down, up, or about to end.
DOWN, UP, ENDING = range(3)
step = memoryview(mmap.mmap(-1, 4)).cast('I')


def serve(child):
    server = socket.socket()
    server.bind(('0.0.0.0', 8080))
    server.listen(128)
    child.tell('listening')
    while True:
        server.accept()[0].close()


def connect(child):
    """Until SIGTERM: how often it went well, and the steps around each call that did not."""
    made, reset, refused, over = 0, 0, [], Stop()
    # The server is to get the CPU when it is started, or 500 times take many minutes.
    os.nice(19)
    child.tell('ready')
    while not over:
        before = step[0]
        with socket.socket() as client:
            try:
                client.connect(('127.0.0.1', 8080))
                made += 1
            except ConnectionRefusedError:
                refused.append((before, step[0]))
            except ConnectionError:
                # The server had the connection, and ended with it: ECONNRESET or EPIPE.
                reset += 1
    return made, refused, reset


def restart(place, times, allowed):
    """The calls that were refused though all the time the state was none of @allowed."""
    clients = [Child('app', connect) for _ in range(CLIENTS)]
    for client in clients:
        client.hear()
    step[0] = DOWN
    for _ in range(times):
        server = Child(place, serve)
        server.hear()
        step[0] += 1
        time.sleep(0.01)
        step[0] += 1
        server.kill()
        step[0] += 1
    same(f'{times} restarts', 3 * times, step[0])
    answers = stop_all(clients)
    ok('all clients were served', all(answer[0] for answer in answers), answers)
    refused = [call for answer in answers for call in answer[1]]
    print(f'# {sum(answer[0] for answer in answers)} connections, {len(refused)} refused,',
          f'{sum(answer[2] for answer in answers)} reset')
    return [call for call in refused if call[0] == call[1] and call[0] % 3 not in allowed]


place, steady = cgroup('server'), cgroup('steady')
cgroup('app')
cgsock('service', place, '8080', '127.0.0.2')
cgsock('service', steady, '8080', '127.0.0.2')
cgsock('client', 'app')

same('none was refused while the server was there', [], restart(place, RESTARTS, (DOWN, ENDING)))
same('no replica is left behind', [], show())
same('none was left out', [], show('full'))

other = Child(steady, serve)
other.hear()
same('none was refused but by a server in its last moment', [],
     restart(place, RESTARTS_BESIDE, (ENDING,)))
same('one replica is left', [f'/{steady}'], [replica['cgroup'] for replica in show()])
other.kill()
same('none is left', [], show())
for name in (place, steady, 'app'):
    cgsock('clear', name)
finish()
