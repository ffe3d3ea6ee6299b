# SPDX-License-Identifier: GPL-2.0
"""Services, replicas and clients: each row of what users tripped over has its test here."""
import ctypes
import os
import socket
import struct
import time

from redirect_lib import (Child, Stop, ask, cgroup, cgsock, connect, family_of, finish, name_of,
                          ok, run, same, serve, serve_udp, show, stop_all, texts, until)

REFUSED = 'Connection refused'
libc = ctypes.CDLL(None)
run('ip', 'address', 'add', 'fd00::80/128', 'dev', 'lo', 'nodad')


def servers(*children):
    """Waits until they are there; their names."""
    return [child.hear() for child in children]


def stop(*children):
    for child in children:
        child.kill()


# --- to look makes nothing
same('show of nothing', ['', []], [cgsock('show'), show()])
ok('show makes no maps', not os.path.exists('/sys/fs/bpf/cgsock/redirect'))

# --- what is not understood
for words, text in (
        (('service', 'a', '80', '::1:90'), '"::1:90" is not an address'),
        (('service', 'a', '80', 'fd00::80'), '"fd00::80" is not an address'),
        (('service', 'a', '80', '192.0.2.1:'), '"192.0.2.1:" is not an address'),
        (('service', 'a', '80', '192.0.2.1:80x'), 'is not an address'),
        (('service', 'a', '80', '[192.0.2.1]'), 'is not an address'),
        (('service', 'a', '80', '0.0.0.0'), 'the unspecified address'),
        (('service', 'a', '80', '[::]:90'), 'the unspecified address'),
        (('service', 'a', '80', '[::ffff:192.0.2.1]'), 'the IPv4 address that it is'),
        (('service', 'a', '80', '192.0.2.1', '192.0.2.2'), 'an address of this family already'),
        (('service', 'a', '0', '192.0.2.1'), '"0" is not a port'),
        (('service', 'a', '80/sctp', '192.0.2.1'), 'a port is for tcp or udp'),
        (('service', 'a', '80'), 'service wants CGROUP PORT[/udp] ADDRESS'),
        (('service', '-g', 'a group', 'a', '80', '192.0.2.1'), 'is not a group'),
        (('service', '-w', '1001', 'a', '80', '192.0.2.1'), 'is not a weight'),
        (('client', '-w', '1', 'a'), 'client has no option -w'),
        (('replica', '80', '192.0.2.1'), 'the port of the replica is missing'),
        (('forget', '80', '192.0.2.1:80'), 'is no replica of 80'),
        (('weight', '80', '192.0.2.1:80', '2'), 'is no replica of 80'),
        (('clear', 'nowhere.service'), 'no cgroup'),
        (('lead',), '"lead" is not a command'),
        ((), 'a command is missing')):
    result = run('cgsock', 'redirect', *words)
    ok(f'an error: redirect {" ".join(words)}',
       result.returncode and text in result.stdout and result.stdout.count('\n') == 1,
       result.returncode, result.stdout)

a, b, app = cgroup('a'), cgroup('b'), cgroup('app')
cgsock('service', a, '8080', '127.0.0.2')
cgsock('service', b, '8080', '127.0.0.2')
cgsock('client', app)

# --- a replica is there as long as its server
one, two = Child(a, serve, '0.0.0.0', 8080, 'one'), Child(b, serve, '0.0.0.0', 8080, 'two')
names = servers(one, two)
same('servers see the address that they asked for', ['0.0.0.0:8080'] * 2, names)
same('two servers, two replicas', 2, len(show()))
same('clients are led to them in turn', {'one': 3, 'two': 3}, texts(app, '127.0.0.1', 8080, 6))
same('connections are counted', [3, 3], [one_['connections'] for one_ in show()])
same('the client sees the peer that it asked for', '127.0.0.1:8080',
     ask(app, connect, '127.0.0.1', 8080)['peer'])
same('0.0.0.0 is loopback, too', {'one': 1, 'two': 1}, texts(app, '0.0.0.0', 8080, 2))
same('another cgroup is not led', {REFUSED: 1}, texts(cgroup('other'), '127.0.0.1', 8080, 1))
one.kill()
same('a server that is killed is no replica', 1, len(show()))
same('clients are led to the other one', {'two': 4}, texts(app, '127.0.0.1', 8080, 4))
stop(two)
same('no server, no replica', [], show())
same('then there is nobody', {REFUSED: 1}, texts(app, '127.0.0.1', 8080, 1))


def accepted_name(child):
    server = socket.create_server(('0.0.0.0', 8080))
    child.tell('ready')
    connection = server.accept()[0]
    server.close()
    child.tell([name_of(connection.getsockname()), len(show())])
    connection.close()


def bound_only(child):
    server = socket.socket()
    server.bind(('0.0.0.0', 8080))
    child.tell('bound')
    time.sleep(60)


one = Child(a, accepted_name)
one.hear()
ask(app, lambda child: name_of(socket.create_connection(('127.0.0.1', 8080)).getpeername()))
same('an accepted socket has the port asked for, and its end does not end the replica',
     ['127.0.0.2:8080', 0], one.hear())
one.wait()
one = Child(a, bound_only)
one.hear()
same('who has not called listen() is no replica', [], show())
stop(one)


def stops_listening(child):
    """What there is before, in between and after; the socket stays open."""
    found = []
    server = socket.create_server(('0.0.0.0', 8080))
    for stop_it in (lambda: server.shutdown(socket.SHUT_RD),
                    server.listen,
                    lambda: libc.connect(server.fileno(), struct.pack('H14x', 0), 16)):
        found.append(len(show()))
        stop_it()
    return found + [len(show())]


same('a server that has stopped listening is no replica, until it listens again', [1, 0, 1, 0],
     ask(a, stops_listening))


def fail_bind(child):
    blocker = socket.create_server(('127.0.0.2', 9009))
    server = socket.socket()
    try:
        server.bind(('0.0.0.0', 9000))
    except OSError as error:
        child.tell(error.strerror)
    server.bind(('0.0.0.0', 9001))
    server.listen()
    blocker.close()
    return [name_of(server.getsockname()), len(show(port=9000))]


cgsock('service', a, '9000', '127.0.0.2:9009')
one = Child(a, fail_bind)
same('a bind() that fails says so', 'Address already in use', one.hear())
same('and leaves nothing', ['0.0.0.0:9001', 0], one.hear())
one.wait()



def bind_twice(child):
    server = socket.create_server(('0.0.0.0', 8080))
    try:
        server.bind(('0.0.0.0', 8080))
    except OSError as error:
        return [error.strerror, len(show()), name_of(server.getsockname())]
    return 'bound twice'


one = Child(a, bind_twice)
same('a second bind() fails and changes nothing', ['Invalid argument', 1, '0.0.0.0:8080'],
     one.hear())
one.wait()

# --- no lack of slots


def many(child, number):
    sockets = []
    for _ in range(number):
        sockets.append(socket.socket())
        sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sockets[-1].bind(('0.0.0.0', 8080))
        sockets[-1].listen()
    child.tell(len(sockets))
    time.sleep(60)


one = Child(a, many, 260)
same('260 servers start', 260, one.hear())
same('256 of them are replicas', 256, len(show()))
same('four are told of', [4], [full['left_out'] for full in show('full')])
stop(one)
same('all of them go', [], show())

# --- loopback on purpose
one = Child(a, serve, '127.0.0.1', 8080, 'own')
servers(one)
same('a bind to loopback stays there', [], show())
same('and is found there', {'own': 1}, texts(a, '127.0.0.1', 8080, 1))
stop(one)
cgsock('service', '--loopback', a, '8080', '127.0.0.2')
one = Child(a, serve, '127.0.0.1', 8080, 'own')
same('it is for the service if one says so', ['127.0.0.1:8080'], servers(one))
same('and a replica', 1, len(show()))
stop(one)
cgsock('service', a, '8080', '127.0.0.2')

# --- dual-stack servers, and clients that ask for ::1 first
one, two = Child(a, serve, '::', 8080, 'one', 0), Child(b, serve, '::', 8080, 'two', 0)
same('two servers bind ::', ['[::]:8080'] * 2, servers(one, two))
same('IPv4 clients find both', {'one': 2, 'two': 2}, texts(app, '127.0.0.1', 8080, 4))
same('clients that ask for ::1 find both', {'one': 2, 'two': 2}, texts(app, '::1', 8080, 4))
same('they see what they asked for', '[::1]:8080', ask(app, connect, '::1', 8080)['peer'])
same('one that cannot speak IPv4 finds none', {REFUSED: 1},
     texts(app, '::1', 8080, 1, v6only=1))
same('a v4-mapped address', {'one': 1, 'two': 1},
     texts(app, '::ffff:127.0.0.1', 8080, 2))
stop(one, two)
one = Child(a, serve, '::', 8080, 'six', 1)
same('a server that cannot speak IPv4 is left alone', ['[::]:8080'], servers(one))
same('and is no replica', [], show())
stop(one)
cgsock('service', a, '8080', '127.0.0.2', '[fd00::80]')
one, two = Child(a, serve, '::', 8080, 'six'), Child(a, serve, '0.0.0.0', 8080, 'four')
servers(one, two)
same('with both addresses, ::1 leads to IPv6', {'six': 2}, texts(app, '::1', 8080, 2))
same('127.0.0.1 to IPv4', {'four': 2}, texts(app, '127.0.0.1', 8080, 2))
stop(two)
same('IPv6 sockets that ask for IPv4 get IPv6 if there is nothing else', {'six': 2},
     texts(app, '::ffff:127.0.0.1', 8080, 2))
same('IPv4 sockets do not, as --help says', {REFUSED: 1}, texts(app, '127.0.0.1', 8080, 1))
stop(one)
cgsock('service', a, '8080', '127.0.0.2')

# --- tenants
red, blue = cgroup('red'), cgroup('blue')
for tenant in (red, blue):
    cgroup(f'{tenant}/client')
    cgsock('service', '-g', tenant, tenant, '8080', '127.0.0.2')
    cgsock('client', '-g', tenant, f'{tenant}/client')
one, two = Child(red, serve, '0.0.0.0', 8080, 'red'), Child(blue, serve, '0.0.0.0', 8080, 'blue')
servers(one, two)
same('a client of red', {'red': 4}, texts('red/client', '127.0.0.1', 8080, 4))
same('a client of blue', {'blue': 4}, texts('blue/client', '127.0.0.1', 8080, 4))
same('a client of no tenant', {REFUSED: 1}, texts(app, '127.0.0.1', 8080, 1))
# A side-car of the client's own, though another tenant has replicas of its port.
cgsock('service', '-g', 'red', red, '8125', '127.0.0.2')
three = Child(red, serve, '0.0.0.0', 8125, 'red')
four = Child(None, serve, '127.0.0.1', 8125, 'own')
servers(three, four)
same('an own side-car', {'own': 2}, texts('blue/client', '127.0.0.1', 8125, 2))
stop(one, two, three, four)
inner = cgroup('red/inner')
cgsock('service', '-g', 'inner', inner, '8080', '127.0.0.3')
one = Child(inner, serve, '0.0.0.0', 8080, 'inner')
servers(one)
same('the nearest service has it', [('inner', '/red/inner')],
     [(replica['group'], replica['cgroup']) for replica in show()])
stop(one)
for name in ('red/client', 'blue/client', 'red/inner', 'red', 'blue'):
    cgsock('clear', name)
same('what is cleared is gone', [], [one_ for one_ in show('service') if 'a' not in one_['cgroup']
                                     and 'b' != one_['cgroup'][1:]])

for name in ('clients', 'clients/below'):
    cgsock('client', '-g', 'outer' if name == 'clients' else 'default', cgroup(name))
one = Child(a, serve, '0.0.0.0', 8080, 'one')
servers(one)
same('a client below another', {'text': 'one', 'peer': '127.0.0.1:8080'},
     ask('clients/below', connect, '127.0.0.1', 8080))
same('it is counted once', [1], [replica['connections'] for replica in show()])
stop(one)
for name in ('clients/below', 'clients'):
    cgsock('clear', name)

# --- UDP


def exchange(_child, addresses, connected=False):
    """Sends to each address with one socket; who answered, and from where."""
    answers = []
    client = socket.socket(family_of(addresses[0][0]), socket.SOCK_DGRAM)
    client.settimeout(5)
    for address in addresses:
        if connected:
            client.connect(tuple(address))
            client.send(b'x')
        else:
            client.sendto(b'x', tuple(address))
        data, peer = client.recvfrom(100)
        name = name_of(client.getpeername()) if connected else name_of(peer)
        answers.append((data.decode(), name_of(peer), name))
    return answers


cgsock('service', a, '5353/udp', '127.0.0.2')
cgsock('service', b, '5353/udp', '127.0.0.2')
cgsock('service', a, '5354/udp', '127.0.0.2', '[fd00::80]')
same('a UDP service is none of TCP', {('udp', 5353), ('udp', 5354)},
     {(one_['protocol'], one_['port']) for one_ in show('service') if one_['port'] in (5353, 5354)})
one, two = Child(a, serve_udp, '0.0.0.0', 5353, 'one'), Child(b, serve_udp, '0.0.0.0', 5353, 'two')
same('UDP servers see what they asked for', ['0.0.0.0:5353'] * 2, servers(one, two))
same('UDP replicas', [('udp', '127.0.0.2')] * 2,
     [(replica['protocol'], replica['address'].split(':')[0]) for replica in show()])
loop = ['127.0.0.1', 5353]
answers = ask(app, exchange, [loop] * 3)
same('sendto() is led, and the reply comes from where it was sent',
     {'127.0.0.1:5353'}, {answer[1] for answer in answers})
same('one socket stays with one server', 1, len({answer[0] for answer in answers}))
answers += ask(app, exchange, [loop])
same('the next socket gets the next one', {'one', 'two'}, {answer[0] for answer in answers})
same('sockets are counted', [1, 1], sorted(replica['connections'] for replica in show()))
answers = ask(app, exchange, [loop] * 2, True)
same('connect() is led each time', {'one', 'two'}, {answer[0] for answer in answers})
same('names of a connected socket', {('127.0.0.1:5353', '127.0.0.1:5353')},
     {tuple(answer[1:]) for answer in answers})
mapped = ['::ffff:127.0.0.1', 5353]
same('an IPv6 socket that sends to IPv4', '[::ffff:127.0.0.1]:5353',
     ask(app, exchange, [mapped])[0][1])
same('connect() to ::1 finds IPv4 replicas', '[::1]:5353',
     ask(app, exchange, [['::1', 5353]], True)[0][1])
three = Child(a, serve_udp, '0.0.0.0', 5354, 'three')
four = Child(a, serve_udp, '::', 5354, 'four')
servers(three, four)
same('one socket, two services, each reply from its own',
     [['127.0.0.1:5353'], ['127.0.0.1:5354'], ['127.0.0.1:5353']],
     [[answer[1]] for answer in ask(app, exchange, [loop, ['127.0.0.1', 5354], loop])])
same('UDP over IPv6', ['four', '[::1]:5354'], ask(app, exchange, [['::1', 5354]])[0][:2])


def lose_server(child, address, port):
    """Two datagrams with one socket; the server of the first has ended before the second."""
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(5)
    for _ in range(2):
        client.sendto(b'x', (address, port))
        child.tell(client.recvfrom(100)[0].decode())
        time.sleep(1)


client = Child(app, lose_server, *loop)
first = client.hear()
stop(one if first == 'one' else two)
same('a socket whose server has ended gets another one', 'two' if first == 'one' else 'one',
     client.hear())
client.wait()
stop(two if first == 'one' else one, three, four)
same('no UDP server, no replica', [], show())

# --- external replicas, weights, drain, counts
far = Child(None, serve, '127.0.0.9', 7001, 'far')
servers(far)
cgsock('replica', '8080', '127.0.0.9:7001')
same('a replica of TCP is none of UDP', ['tcp'], [replica['protocol'] for replica in show()])
result = run('cgsock', 'redirect', 'replica', '8080', '127.0.0.9:7001')
ok('no replica twice', result.returncode and 'is a replica of 8080 already' in result.stdout,
   result.stdout)
same('an external replica', {'far': 2}, texts(app, '127.0.0.1', 8080, 2))
stop(far)
same('nobody is there', {REFUSED: 3}, texts(app, '127.0.0.1', 8080, 3))
same('only connections that were made are counted', [2],
     [replica['connections'] for replica in show()])
cgsock('forget', '8080', '127.0.0.9:7001')
same('forgotten', [], show())
cgsock('service', '-w', '3', b, '8080', '127.0.0.2')
one, two = Child(a, serve, '0.0.0.0', 8080, 'one'), Child(b, serve, '0.0.0.0', 8080, 'two')
servers(one, two)
same('weights', {'one': 2, 'two': 6}, texts(app, '127.0.0.1', 8080, 8))


def hold(child):
    """A connection that is there while its server is drained."""
    connection = socket.create_connection(('127.0.0.1', 8080), timeout=20)
    child.tell('there')
    time.sleep(1)
    return connection.makefile().readline().split()[0]


heavy = show(cgroup='/b')[0]['address']
cgsock('weight', '8080', heavy, '0')
same('a drained server gets none', {'one': 4}, texts(app, '127.0.0.1', 8080, 4))
same('it is there all the same', 0, show(address=heavy)[0]['weight'])
cgsock('weight', '8080', heavy, '1')
same('until it is to get some', {'one': 2, 'two': 2}, texts(app, '127.0.0.1', 8080, 4))
connections = [Child(app, hold) for _ in range(2)]
for child in connections:
    child.hear()
cgsock('weight', '8080', heavy, '0')
same('connections that are there stay', {'one', 'two'}, {child.hear() for child in connections})
for child in connections:
    child.wait()
result = run('cgsock', 'redirect', 'forget', '8080', heavy)
ok('a server that runs is not forgotten', result.returncode and 'runs here' in result.stdout,
   result.stdout)
stop(one, two)
cgsock('service', b, '8080', '127.0.0.2')

# --- MPTCP, whose listener is closed below another socket
mptcp = getattr(socket, 'IPPROTO_MPTCP', 262)
one = Child(a, serve, '0.0.0.0', 8080, 'one', None, mptcp)
servers(one)
same('an MPTCP server', 1, len(show()))
same('MPTCP and TCP clients', {'one': 2}, texts(app, '127.0.0.1', 8080, 2))
same('an MPTCP client', {'one': 1}, texts(app, '127.0.0.1', 8080, 1, protocol=mptcp))
stop(one)
ok('the replica goes with its server', until(lambda: show() == []), show())

# --- the tool and servers change a list at the same time, and nobody meets a hole


def churn(child):
    over, rounds = Stop(), 0
    # The tool is to have its turn soon.
    os.nice(19)
    child.tell('ready')
    while not over:
        server = socket.socket()
        server.bind(('0.0.0.0', 8080))
        server.listen()
        server.close()
        rounds += 1
    return rounds


def knock(child):
    over, answers = Stop(), {}
    os.nice(19)
    child.tell('ready')
    while not over:
        try:
            text = connect(None, '127.0.0.1', 8080)['text'][:6]
        except OSError as error:
            text = error.strerror
        answers[text] = answers.get(text, 0) + 1
    return answers


drained = cgroup('drained')
cgsock('service', '-w', '0', drained, '8080', '127.0.0.2')
steady = [Child(a, serve, '0.0.0.0', 8080, f'steady{i}') for i in range(3)]
servers(*steady)
far = Child(None, serve, '127.0.0.9', 7001, 'steady-far')
servers(far)
busy = [Child(drained, churn) for _ in range(3)] + [Child(app, knock) for _ in range(3)]
servers(*busy)
for _ in range(4):
    cgsock('replica', '8080', '127.0.0.9:7001')
    cgsock('weight', '8080', '127.0.0.9:7001', '5')
    cgsock('forget', '8080', '127.0.0.9:7001')
said = stop_all(busy)
print(f'# servers came and went {said[:3]} times, clients heard {said[3:]}')
ok('they all were busy', all(rounds > 20 for rounds in said[:3]), said)
same('no client was refused', [['steady']] * 3, [list(answers) for answers in said[3:]])
same('the list is as before', 3, len(show()))
stop(far, *steady)
same('and empty in the end', [], show())
cgsock('clear', drained)

# --- a cgroup that is made anew
os.rmdir(f'/sys/fs/cgroup/{b}')
cgroup(b)
ok('show tells of the one that is gone', any('gone' in one_['cgroup'] for one_ in show('service')),
   show('service'))
cgsock('service', b, '8080', '127.0.0.2')
ok('it is tidied up', not any('gone' in one_['cgroup'] for one_ in show('service')),
   show('service'))
one = Child(b, serve, '0.0.0.0', 8080, 'anew')
servers(one)
same('and serves again', {'anew': 1}, texts(app, '127.0.0.1', 8080, 1))
cgsock('clear', b)
same('to clear a service takes its servers from the list', [], show())
stop(one)
cgsock('clear', a)
cgsock('clear', app)
same('all is cleared', '', cgsock('show'))
finish()
