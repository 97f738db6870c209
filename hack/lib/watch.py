"""The API server spoken to directly, where starting kubectl would take longer than what is measured."""

import http.client
import json
import os
import ssl
import threading
import time
import urllib.parse
from pathlib import Path

from world import Failed, is_ready

WORKLOADS = "apis/wharfinger.dev/v1alpha1"


class Api:
    """Requests with the kubeconfig that hack/parts/run wrote (JSON, with a token). One connection a thread, for as long as it is used."""

    IDLE = 30  # seconds; the API server closes one that rests for longer than a minute or two

    def __init__(self):
        config = json.loads(Path(os.environ["KUBECONFIG"]).read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.host = urllib.parse.urlsplit(cluster["server"]).netloc
        self.tls = ssl.create_default_context(cafile=cluster["certificate-authority"])
        self.headers = {"Authorization": f"Bearer {user['token']}", "Content-Type": "application/json"}
        self.local = threading.local()

    def connection(self, timeout):
        return http.client.HTTPSConnection(self.host, context=self.tls, timeout=timeout)

    def create(self, path, thing):
        if time.monotonic() - getattr(self.local, "used", float("-inf")) > self.IDLE:
            self.local.connection = self.connection(60)
        self.local.used = time.monotonic()
        self.local.connection.request("POST", f"/{path}", json.dumps(thing), self.headers)
        answer = self.local.connection.getresponse()
        body = answer.read().decode()
        if answer.status not in (200, 201):
            raise Failed(f"creating {thing['kind']} {thing['metadata']['name']} was answered with {answer.status}: {body[:500]}")
        return json.loads(body)


class Watch:
    """Sees all workloads from its start on: when each became Ready, and how often each status changed."""

    def __init__(self, api):
        self.ready, self.status_changes, self.error = {}, 0, None
        self.connection = api.connection(None)
        self.connection.request("GET", f"/{WORKLOADS}/privateimageworkloads?watch=1", headers=api.headers)
        self.answer = self.connection.getresponse()
        if self.answer.status != 200:
            raise Failed(f"the watch of workloads was answered with {self.answer.status}")
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self):
        statuses = {}
        try:
            for line in self.answer:
                now, event = time.monotonic(), json.loads(line)
                thing = event["object"]
                if "name" not in thing.get("metadata", {}):
                    raise ValueError(f"unexpected event {line[:300]!r}")
                key = thing["metadata"]["namespace"], thing["metadata"]["name"]
                status = thing.get("status") or {}
                self.status_changes += status != statuses.get(key, {})
                statuses[key] = status
                if is_ready(thing):
                    self.ready.setdefault(key, now)
        except (OSError, ValueError, http.client.HTTPException) as error:
            self.error = error  # told by whoever waits for what will not come
