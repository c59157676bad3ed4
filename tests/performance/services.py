"""Stand-ins for the services that `uploads` sends to: they take everything, and say what the real ones say."""

import base64
import datetime
import hashlib
import http.server
import json
import os
import struct
import sys
import time
import urllib.parse

# Inputs of emoncms by node, and statistics of Home Assistant: rows by their starts.
NODES = {}
STATISTICS = {}


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def import_statistics(message):
    rows = STATISTICS.setdefault(message["metadata"]["statistic_id"], {})
    for row in message["stats"]:
        rows[moment(row["start"])] = row


def during(message):
    begin, end = moment(message["start_time"]), moment(message.get("end_time", "9999-01-01T00:00:00Z"))
    told = {}
    for name in message["statistic_ids"]:
        rows = sorted(STATISTICS.get(name, {}).items())
        told[name] = [
            {"start": int(start * 1000)} | {kind: row.get(kind) for kind in message["types"]}
            for start, row in rows
            if begin <= start < end
        ]
    return {name: rows for name, rows in told.items() if rows}


class Services(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def say(self, status, text=""):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length).decode()
        print(int(time.time()), self.path.split("?")[0], length, flush=True)
        if self.path.startswith("/write"):
            self.say(204)
        elif self.path.startswith("/service/r2/addbatchstatus"):
            rows = urllib.parse.parse_qs(body)["data"][0].split(";")
            self.say(200, ";".join(",".join(row.split(",")[:2]) + ",1" for row in rows))
        elif self.path.startswith("/input/bulk"):
            form = urllib.parse.parse_qs(body)
            begin = int(form["time"][0])
            for offset, node, values in json.loads(form["data"][0]):
                inputs = NODES.setdefault(node, {})
                for name, value in values.items():
                    inputs[name] = {"time": begin + offset, "value": value}
            self.say(200, "ok")
        else:
            self.say(404)

    def do_GET(self):
        if self.path.startswith("/service/r2/getsystem"):
            zone = os.environ["TZ"]
            self.say(200, f"Roof,6000,1010,10,320,Acme,1,3000,APsystems,S,30.0,No,20200228,48.1,16.3,5,{zone};"
                          "12.0,39.98,NaN,NaN,NaN,99.3;0")
        elif self.path.startswith("/input/get/"):
            node = urllib.parse.unquote(self.path.split("?")[0].rsplit("/", 1)[1])
            self.say(200, json.dumps(NODES.get(node, "Node does not exist")))
        elif self.path == "/api/websocket":
            self.home_assistant()
        else:
            self.say(404)

    def home_assistant(self):
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.close_connection = True
        self.tell({"type": "auth_required"})
        self.hear()
        self.tell({"type": "auth_ok", "ha_version": "2026.11.0"})
        while (message := self.hear()) is not None:
            print(int(time.time()), message["type"], flush=True)
            result = {
                "auth/current_user": {"is_admin": True},
                "recorder/info": {"recording": True},
                "recorder/import_statistics": import_statistics,
                "recorder/statistics_during_period": during,
            }.get(message["type"], [])
            if callable(result):
                result = result(message)
            self.tell({"id": message["id"], "type": "result", "success": True, "result": result})

    def tell(self, message):
        text = json.dumps(message).encode()
        head = bytes([0x81, len(text)]) if len(text) < 126 else struct.pack("!BBH", 0x81, 126, len(text))
        self.wfile.write(head + text)

    def hear(self):
        while True:
            head = self.rfile.read(2)
            if len(head) < 2:
                return None
            kind, length = head[0] & 0x0F, head[1] & 0x7F
            if length >= 126:
                size = 2 if length == 126 else 8
                length = int.from_bytes(self.rfile.read(size), "big")
            mask = self.rfile.read(4)
            data = bytes(byte ^ mask[place % 4] for place, byte in enumerate(self.rfile.read(length)))
            if kind == 8:
                return None
            if kind == 1:
                return json.loads(data)


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Services).serve_forever()
