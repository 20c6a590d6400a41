"""The endpoint that the ECS agent provides in each container: task protection, and metadata.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html
"""

import json
import re
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from . import containers

DEFAULT_EXPIRES_MIN = 120


def protection(task) -> dict:
    """The protection of a task as the API and the endpoint return it."""
    until = {"expirationDate": datetime.fromtimestamp(task.protected_until, UTC)} if task.is_protected else {}
    return {"taskArn": task.arn, "protectionEnabled": task.is_protected, **until}


def protect(task, enabled: bool, minutes: int | None) -> dict:
    """Sets or ends the protection. A task that stops can no longer be protected. The caller holds the lock of the loop."""
    if task.desired_status == "STOPPED":
        enabled = False
    task.protected_until = time.time() + 60 * (minutes or DEFAULT_EXPIRES_MIN) if enabled else 0.0
    return protection(task)


class Handler(BaseHTTPRequestHandler):
    tasks: dict = {}
    lock = None  # of the loop

    def do_PUT(self) -> None:
        wanted = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.answer(lambda task: protect(task, wanted["ProtectionEnabled"], wanted.get("ExpiresInMinutes")))

    def do_GET(self) -> None:
        self.answer(protection)

    def answer(self, of) -> None:
        match = re.fullmatch(r"/(?:api|v4)/(\w+)(/.*)?", self.path)
        task = self.tasks.get(match[1]) if match else None
        if not task:
            self.send_error(404)
            return
        if self.path.endswith("/task-protection/v1/state"):
            with self.lock:
                found = {key[0].upper() + key[1:]: value for key, value in of(task).items()}
            body = {"protection": found}
        else:
            body = {"Cluster": task.cluster.arn, "TaskARN": task.arn, "Family": task.definition.family, "Revision": str(task.definition.revision)}
        content = json.dumps(body, default=str).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_) -> None:
        pass


server: ThreadingHTTPServer | None = None


def address(tasks: dict, lock) -> str:
    """Address of the endpoint for containers. The first call starts the server. `lock`: of the loop."""
    global server
    if not server:
        Handler.tasks, Handler.lock = tasks, lock
        server = ThreadingHTTPServer((containers.gateway(), 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True, name="agent").start()
    host, port = server.server_address[:2]
    return f"http://{host}:{port}"
