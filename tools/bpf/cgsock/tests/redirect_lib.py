# SPDX-License-Identifier: GPL-2.0
"""Processes in cgroups, and TAP, for the tests of redirect."""
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time

CGROUPS = '/sys/fs/cgroup'
count = 0
failed = 0


def ok(name, good, *what):
    """One line of TAP; @what is told if it is not ok."""
    global count, failed
    count += 1
    if not good:
        failed += 1
        for line in ' '.join(str(word) for word in what).splitlines():
            print('#', line)
    print('ok' if good else 'not ok', count, '-', name, flush=True)


def same(name, wanted, got):
    ok(name, wanted == got, 'wanted', wanted, '\ngot', got)


def finish():
    print(f'1..{count}', flush=True)
    sys.exit(1 if failed else 0)


def cgroup(name):
    os.makedirs(f'{CGROUPS}/{name}', exist_ok=True)
    return name


def enter(name):
    with open(f'{CGROUPS}/{name}/cgroup.procs', 'w', encoding='ascii') as procs:
        procs.write(str(os.getpid()))


def run(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, timeout=60)


def cgsock(*words):
    """It has to succeed."""
    result = run('cgsock', 'redirect', *words)
    if result.returncode:
        raise SystemExit(f'Bail out! cgsock redirect {" ".join(words)}: {result.stdout}')
    return result.stdout


def show(kind='replica', **want):
    everything = json.loads(cgsock('show', '--json'))
    return [one for one in everything
            if one['kind'] == kind and all(one.get(key) == want[key] for key in want)]


class Child:
    """A process in a cgroup that calls @work, which can tell() things."""

    def __init__(self, place, work, *args):
        self.read, self.write = os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(self.write)
            self.stream = os.fdopen(self.read, 'r', encoding='utf-8')
            return
        status = 1
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            if place:
                enter(place)
            try:
                result = work(self, *args)
            except OSError as error:
                result = {'error': error.strerror}
                print('# in a process of the test:', work.__name__, error, flush=True)
            if result is not None:
                self.tell(result)
            status = 0
        finally:
            os._exit(status)

    def tell(self, what):
        os.write(self.write, (json.dumps(what) + '\n').encode())

    def hear(self, timeout=30):
        if not select.select([self.stream], [], [], timeout)[0]:
            raise SystemExit('Bail out! a process of the test did not answer')
        return json.loads(self.stream.readline())

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        return self.wait()

    def wait(self):
        os.waitpid(self.pid, 0)
        self.stream.close()


def ask(place, work, *args):
    """What @work returns in a process in the cgroup."""
    child = Child(place, work, *args)
    answer = child.hear()
    child.wait()
    return answer


def family_of(address):
    return socket.AF_INET6 if ':' in address else socket.AF_INET


def name_of(address):
    return f'[{address[0]}]:{address[1]}' if ':' in address[0] else f'{address[0]}:{address[1]}'


def serve(child, address, port, text, v6only=None, protocol=0):
    """A TCP server that tells its name, then who connected to it, and answers with @text."""
    server = socket.socket(family_of(address), socket.SOCK_STREAM, protocol)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if v6only is not None:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
    server.bind((address, port))
    server.listen(128)
    child.tell(name_of(server.getsockname()))
    while True:
        connection, _ = server.accept()
        name = name_of(connection.getsockname())
        connection.sendall(f'{text} {name}\n'.encode())
        connection.close()


def serve_udp(child, address, port, text):
    server = socket.socket(family_of(address), socket.SOCK_DGRAM)
    server.bind((address, port))
    child.tell(name_of(server.getsockname()))
    while True:
        _, peer = server.recvfrom(100)
        server.sendto(text.encode(), peer)


def connect(_child, address, port, family=None, v6only=None, protocol=0):
    """The text of the server, and the peer's name; an errno's text if there is none."""
    with socket.socket(family or family_of(address), socket.SOCK_STREAM, protocol) as client:
        client.settimeout(20)
        if v6only is not None:
            client.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
        client.connect((address, port))
        peer = name_of(client.getpeername())
        return {'text': client.makefile().readline().split()[0], 'peer': peer}


def texts(place, address, port, times, **options):
    """How often each server answered."""
    def work(child):
        found = {}
        for _ in range(times):
            try:
                text = connect(child, address, port, **options)['text']
            except OSError as error:
                text = error.strerror
            found[text] = found.get(text, 0) + 1
        return found
    return ask(place, work)


class Stop:
    """True when SIGTERM has come."""

    def __init__(self):
        self.came = False
        signal.signal(signal.SIGTERM, self.come)

    def come(self, *_):
        self.came = True

    def __bool__(self):
        return self.came


def stop_all(children):
    """Their last words."""
    for child in children:
        os.kill(child.pid, signal.SIGTERM)
    said = [child.hear(60) for child in children]
    for child in children:
        child.wait()
    return said


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()
