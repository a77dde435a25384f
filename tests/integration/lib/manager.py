"""systemd's side of sd_notify: a datagram socket at the path given, each datagram as one line of JSON with its time."""
import json
import socket
import sys
import time

listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
path = sys.argv[1]
listener.bind('\0' + path[1:] if path.startswith('@') else path)
print('ready', flush=True)
while True:
    text = listener.recv(4096).decode()
    print(json.dumps({'at': time.time() * 1000, 'lines': text.split('\n')}), flush=True)
