# SPDX-License-Identifier: GPL-2.0
"""A transparent proxy gets the connections of a cgroup and hears where they wanted to go."""
import ctypes
import json
import os
import socket
import struct
import subprocess
import tempfile

from redirect_lib import (Child, ask, cgroup, cgsock, enter, family_of, finish, name_of, ok, run,
                          same, serve, show, until)

PORT = 15001
SO_ORIGINAL_DST = 80
for address in ('192.0.2.1/32', '192.0.2.2/32', '2001:db8::1/128'):
    run('ip', 'address', 'add', address, 'dev', 'lo', 'nodad' if ':' in address else 'valid_lft',
        *([] if ':' in address else ['forever']))
app, other = cgroup('app'), cgroup('proxy')


def original(connection):
    """What a proxy asks, by the family of the address that it was reached at."""
    local = connection.getsockname()[0]
    if ':' in local and not local.startswith('::ffff:'):
        data = connection.getsockopt(socket.IPPROTO_IPV6, SO_ORIGINAL_DST, 28)
        address = socket.inet_ntop(socket.AF_INET6, data[8:24])
    else:
        data = connection.getsockopt(socket.IPPROTO_IP, SO_ORIGINAL_DST, 16)
        address = socket.inet_ntoa(data[4:8])
    return name_of((address, struct.unpack('!H', data[2:4])[0]))


def ask_much(connection):
    """An answer for which there is more room than a page, so that the program does not see it."""
    answer, length = ctypes.create_string_buffer(8192), ctypes.c_uint(8192)
    err = ctypes.CDLL(None).getsockopt(connection.fileno(), socket.IPPROTO_TCP, socket.TCP_INFO,
                                       answer, ctypes.byref(length))
    return err == 0 and 100 < length.value < 1000


def proxy(child, address):
    server = socket.create_server((address, PORT), family=family_of(address), backlog=256,
                                  dualstack_ipv6=address == '::')
    child.tell('ready')
    while True:
        connection, _ = server.accept()
        try:
            text = original(connection)
        except OSError as error:
            text = error.strerror
        connection.sendall(f'{text} {ask_much(connection)}\n'.encode())
        connection.close()


def connect(_child, address, port, family=None):
    with socket.socket(family or family_of(address), socket.SOCK_STREAM) as client:
        client.settimeout(20)
        client.connect((address, port))
        peer = name_of(client.getpeername())
        return client.makefile().readline().split(' ')[0], peer


def pairs():
    dump = run('bpftool', '-j', 'map', 'dump', 'pinned', '/sys/fs/bpf/cgsock/redirect/pairs')
    return json.loads(dump.stdout)


def start(address):
    child = Child(other, proxy, address)
    child.hear()
    return child


for words, text in (((app, '0', other), '"0" is not a port'),
                    ((app, str(PORT)), 'proxy wants CGROUP PORT PROXY-CGROUP'),
                    ((app, str(PORT), cgroup('app/proxy')), 'its own connections would come back'),
                    ((app, str(PORT), app), 'its own connections would come back'),
                    (('/sys/fs/cgroup', str(PORT), other), 'its own connections would come back')):
    result = run('cgsock', 'redirect', 'proxy', *words)
    ok(f'an error: proxy {" ".join(words)}', result.returncode and text in result.stdout,
       result.stdout)
same('none of them attaches anything', [], show('proxied'))
cgsock('proxy', app, str(PORT), other)
same('show', [{'kind': 'proxied', 'cgroup': '/app', 'port': PORT, 'proxy': '/proxy'}],
     show('proxied'))


def refused(child):
    try:
        connect(child, '192.0.2.1', 80)
    except OSError as error:
        return error.strerror
    return 'connected'


same('no proxy, no connection', 'Connection refused', ask(app, refused))
ok('and nothing is left of it', until(lambda: pairs() == []), pairs())

# A server that the client would reach without the proxy.
direct = Child(None, serve, '192.0.2.2', 80, 'direct')
direct.hear()
four, six = start('127.0.0.1'), start('::1')
same('IPv4', ['192.0.2.1:80', '192.0.2.1:80'], ask(app, connect, '192.0.2.1', 80))
same('IPv6', ['[2001:db8::1]:443', '[2001:db8::1]:443'], ask(app, connect, '2001:db8::1', 443))
same('IPv4 of an IPv6 socket', ['192.0.2.1:80', '[::ffff:192.0.2.1]:80'],
     ask(app, connect, '::ffff:192.0.2.1', 80))
same('an address that nobody has', ['198.51.100.7:9', '198.51.100.7:9'],
     ask(app, connect, '198.51.100.7', 9))
# ENOPROTOOPT, or ENOENT where netfilter is.
ok('who connects to the proxy himself asked for nothing else',
   ask(None, connect, '127.0.0.1', PORT)[0] in ('Protocol', 'No'))


def without_memory(_child):
    """A client whose socket may not have the memory for a note."""
    run('sysctl', '-qw', 'net.core.optmem_max=1')
    try:
        return connect(None, '192.0.2.2', 80)[0]
    except OSError as error:
        return error.strerror
    finally:
        run('sysctl', '-qw', 'net.core.optmem_max=131072')


same('who leaves no memory for the note does not get past the proxy', 'Operation not permitted',
     ask(app, without_memory))
direct.kill()
own = Child(None, serve, '127.0.0.1', 7777, 'own')
own.hear()
same('connections to loopback are left alone', ['own', '127.0.0.1:7777'],
     ask(app, connect, '127.0.0.1', 7777))
own.kill()


def many(child):
    """Connections at the same time, each to another address."""
    clients = {}
    for i in range(1, 201):
        client = socket.socket()
        client.settimeout(20)
        client.connect((f'198.51.100.{i}', 1000 + i))
        clients[f'198.51.100.{i}:{1000 + i}'] = client
    return [wanted for wanted, client in clients.items()
            if client.makefile().readline().split(' ')[0] != wanted]


children = [Child(app, many) for _ in range(4)]
same('800 connections, each with its own answer', [[]] * 4, [child.hear(60) for child in children])
for child in children:
    child.wait()
ok('nothing is left of all these', until(lambda: pairs() == []), pairs())


def is_whole(_child):
    client = socket.create_connection(('192.0.2.1', 80), timeout=20)
    return client.makefile().readline().split(' ')[1]


same('other options are answered as before', 'True\n', ask(app, is_whole))
four.kill()
six.kill()
both = start('::')
same('a proxy that listens at :: for both', ['192.0.2.1:80', '[2001:db8::1]:80'],
     [ask(app, connect, '192.0.2.1', 80)[0], ask(app, connect, '2001:db8::1', 80)[0]])
both.kill()

# --- HAProxy as Debian ships it
CONFIG = f"""
global
	maxconn 100
defaults
	mode tcp
	timeout connect 10s
	timeout client 10s
	timeout server 10s
frontend transparent
	bind 127.0.0.1:{PORT}
	default_backend asked
backend asked
	# The address of the server is the one that the client asked for.
	server there 0.0.0.0
"""
servers = [Child(None, serve, '192.0.2.1', 80, 'first'),
           Child(None, serve, '192.0.2.2', 81, 'second')]
for child in servers:
    child.hear()
with tempfile.NamedTemporaryFile('w', suffix='.cfg') as file:
    file.write(CONFIG)
    file.flush()
    with subprocess.Popen(
            ['haproxy', '-db', '-f', file.name], preexec_fn=lambda: enter(other),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as haproxy:
        ok('HAProxy runs', until(lambda: f'127.0.0.1:{PORT}' in run('ss', '-Htln').stdout, 30))
        same('HAProxy leads a connection where it wanted to go', ['first', '192.0.2.1:80'],
             ask(app, connect, '192.0.2.1', 80))
        same('and another one elsewhere', ['second', '192.0.2.2:81'],
             ask(app, connect, '192.0.2.2', 81))
        haproxy.terminate()
        said = haproxy.communicate(timeout=30)[0]
        print('# HAProxy said:', said.strip().replace('\n', '\n# '))
for child in servers:
    child.kill()

cgsock('clear', app)
cgsock('clear', other)
same('all is cleared', '', cgsock('show'))
os.rmdir(f'/sys/fs/cgroup/{app}/proxy')
finish()
