"""systemd's side of socket activation: opens the sockets, and runs the command with them again each time that it has ended, for
as many times as are asked for. The sockets stay open meanwhile.
Arguments: a JSON object {"sockets": [["127.0.0.1:0" or "/path", name or ""]], "runs": n, "pause": seconds}, then the command."""
import json
import os
import signal
import socket
import sys
import time

plan = json.loads(sys.argv[1])
command = sys.argv[2:]
listeners = []
for address, name in plan['sockets']:
    if address.startswith('/'):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(address)
    else:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        host, port = address.rsplit(':', 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, int(port)))
    listener.listen(4096)
    listeners.append((listener, name))
print('holding', json.dumps([listener.getsockname() for listener, _ in listeners]), flush=True)

child = 0
signal.signal(signal.SIGTERM, lambda *_: child and os.kill(child, signal.SIGTERM))
status = 0
for run in range(plan['runs']):
    if run > 0:
        time.sleep(plan['pause'])
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        high = [os.dup2(listener.fileno(), 100 + index) for index, (listener, _) in enumerate(listeners)]
        for index, descriptor in enumerate(high):
            os.dup2(descriptor, 3 + index)
            os.close(descriptor)
        names = [name for _, name in listeners]
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(names)))
        if any(names):
            os.environ['LISTEN_FDNAMES'] = ':'.join(names)
        os.execvp(command[0], command)
    print('running', child, flush=True)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    child = 0
    print('ended', status, flush=True)
sys.exit(status if status >= 0 else 128 - status)
