"""A server that speaks as much of Amazon's S3 as Lance asks for: objects in memory, one bucket, on loopback.

Put (also only where nothing is there yet), get (also a range), head, delete, list (version 2, with prefix and
delimiter), copy, and uploads in parts. Signatures are not checked.
"""

import hashlib
import re
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

DATE = "Sat, 01 Nov 2025 00:00:00 GMT"
STAMP = "2025-11-01T00:00:00.000Z"


class SmallS3:
    """The running server. `objects` are its keys and values, `options` how Lance reaches it."""

    def __init__(self):
        self.objects = {}
        self.uploads = {}
        self.requests = []
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"store": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def options(self):
        return {
            "aws_endpoint": f"http://127.0.0.1:{self._server.server_port}",
            "aws_access_key_id": "nobody",
            "aws_secret_access_key": "nothing",
            "aws_region": "us-east-1",
            "allow_http": "true",
        }

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: SmallS3

    def log_message(self, *_):
        pass

    def parts(self):
        url = urllib.parse.urlsplit(self.path)
        bucket, _, key = urllib.parse.unquote(url.path).lstrip("/").partition("/")
        asked = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        self.store.requests.append((self.command, key, asked))
        return bucket, key, asked

    def body(self):
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "aws-chunked" in (self.headers.get("Content-Encoding") or ""):
            whole = b""
            while data:
                size, _, data = data.partition(b"\r\n")
                length = int(size.partition(b";")[0], 16)
                if not length:
                    break
                whole, data = whole + data[:length], data[length + 2 :]
            return whole
        return data

    def answer(self, code, data=b"", **headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        length = headers.get("Content_Length")
        if length is None:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def refuse(self, code, name):
        text = f"<?xml version='1.0'?><Error><Code>{name}</Code><Message>{name}</Message></Error>"
        self.answer(code, text.encode(), Content_Type="application/xml")

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        _, key, asked = self.parts()
        if not key:
            self.listed(asked)
            return
        data = self.store.objects.get(key)
        if data is None:
            self.refuse(404, "NoSuchKey")
            return
        told = {"ETag": tag(data), "Last_Modified": DATE, "Accept_Ranges": "bytes"}
        span = self.headers.get("Range")
        if span is None or self.command == "HEAD":
            self.answer(200, data, Content_Length=str(len(data)), **told)
            return
        first, _, last = span.removeprefix("bytes=").partition("-")
        start = int(first) if first else max(0, len(data) - int(last))
        end = len(data) if not last or not first else min(len(data), int(last) + 1)
        if start >= len(data):
            self.refuse(416, "InvalidRange")
            return
        self.answer(206, data[start:end], Content_Range=f"bytes {start}-{end - 1}/{len(data)}", **told)

    def do_PUT(self):
        _, key, asked = self.parts()
        data = self.body()
        with self.store.lock:
            if "partNumber" in asked:
                self.store.uploads[asked["uploadId"]][int(asked["partNumber"])] = data
                self.answer(200, ETag=tag(data))
                return
            source = self.headers.get("x-amz-copy-source")
            if self.headers.get("If-None-Match") == "*" and key in self.store.objects:
                self.refuse(412, "PreconditionFailed")
                return
            if source is not None:
                data = self.store.objects[urllib.parse.unquote(source).lstrip("/").partition("/")[2]]
            self.store.objects[key] = data
        text = f"<CopyObjectResult><ETag>{tag(data)}</ETag></CopyObjectResult>" if source else ""
        self.answer(200, text.encode(), ETag=tag(data))

    def do_POST(self):
        bucket, key, asked = self.parts()
        data = self.body()
        with self.store.lock:
            if "uploads" in asked:
                number = str(len(self.store.uploads))
                self.store.uploads[number] = {}
                text = f"<InitiateMultipartUploadResult><Bucket>{bucket}</Bucket><Key>{escape(key)}</Key>"
                text += f"<UploadId>{number}</UploadId></InitiateMultipartUploadResult>"
            elif "uploadId" in asked:
                parts = self.store.uploads.pop(asked["uploadId"])
                if self.headers.get("If-None-Match") == "*" and key in self.store.objects:
                    self.refuse(412, "PreconditionFailed")
                    return
                whole = b"".join(parts[number] for number in sorted(parts))
                self.store.objects[key] = whole
                text = f"<CompleteMultipartUploadResult><ETag>{tag(whole)}</ETag>"
                text += "</CompleteMultipartUploadResult>"
            elif "delete" in asked:
                for each in re.findall(rb"<Key>(.*?)</Key>", data):
                    self.store.objects.pop(each.decode(), None)
                text = "<DeleteResult></DeleteResult>"
            else:
                self.refuse(400, "InvalidRequest")
                return
        self.answer(200, text.encode(), Content_Type="application/xml")

    def do_DELETE(self):
        _, key, asked = self.parts()
        with self.store.lock:
            if "uploadId" in asked:
                self.store.uploads.pop(asked["uploadId"], None)
            else:
                self.store.objects.pop(key, None)
        self.answer(204)

    def listed(self, asked):
        prefix, delimiter = asked.get("prefix", ""), asked.get("delimiter")
        after = asked.get("start-after", "")
        entries, folders = [], []
        for key, data in sorted(self.store.objects.items()):
            if not key.startswith(prefix) or key <= after:
                continue
            rest = key[len(prefix) :]
            if delimiter and delimiter in rest:
                folders.append(prefix + rest.partition(delimiter)[0] + delimiter)
                continue
            entries.append(
                f"<Contents><Key>{escape(key)}</Key><LastModified>{STAMP}</LastModified>"
                f"<ETag>{tag(data)}</ETag><Size>{len(data)}</Size></Contents>"
            )
        common = "".join(
            f"<CommonPrefixes><Prefix>{escape(each)}</Prefix></CommonPrefixes>"
            for each in dict.fromkeys(folders)
        )
        text = (
            f"<ListBucketResult><IsTruncated>false</IsTruncated>{''.join(entries)}{common}</ListBucketResult>"
        )
        self.answer(200, text.encode(), Content_Type="application/xml")


def tag(data):
    return f'"{hashlib.md5(data).hexdigest()}"'
