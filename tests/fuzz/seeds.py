"""Seeds from the golden frames: a folder for each harness that reads them, beside the stamp that is given.

Usage: seeds.py STAMP FRAMES
"""
import json
import os
import sys

HARNESSES = ('api', 'barker_v1', 'base64', 'config', 'control', 'envelope', 'glob', 'http', 'json_text', 'jwt', 'keys', 'proxy',
             'redis_pubsub', 'redis_replies', 'redis_url', 'resp', 'session', 'url', 'utf8')


def write(root, harness, name, text):
    with open(os.path.join(root, harness, name), 'w', encoding='utf-8', newline='') as file:
        file.write(text)


def write_request(root, name, frame):
    write(root, 'barker_v1', name, '\0' + frame)
    write(root, 'barker_v1', name + '_refused', '\2' + frame)
    write(root, 'session', name, f'o/ws?channel=chat:1\na\nr{frame}\na\nh2\nbok\nm{{"user":"u"}}\ndchat:1 {{}}\nc1000\n')


def main():
    stamp, frames = sys.argv[1:]
    root = os.path.join(os.path.dirname(os.path.abspath(stamp)), 'seeds')
    for harness in HARNESSES:
        os.makedirs(os.path.join(root, harness), exist_ok=True)
    with open(frames, encoding='utf-8') as lines:
        for line in lines:
            golden = json.loads(line)
            name = golden['direction'] + '_' + golden['name']
            write(root, 'json_text', name, golden['frame'])
            write(root, 'utf8', name, golden['frame'])
            if golden['direction'] == 'to_server':
                write_request(root, golden['name'], golden['frame'])
    with open(stamp, 'w', encoding='utf-8'):
        pass


if __name__ == '__main__':
    main()
