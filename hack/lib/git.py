"""A Git repository with a work tree, and a server that gives it to others over HTTP, as hosted ones do. Standard library and git."""

import functools
import hashlib
import http.server
import os
import subprocess
import threading

NAME = "deployments.git"


class Repository:
    """One branch, main, of which every commit is pushed at once."""

    def __init__(self, folder):
        self.folder, self.tree, self.served = folder, folder / "tree", folder / "served"
        self.served.mkdir(parents=True)
        self.env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
                    **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
                       for what, value in (("NAME", "payments"), ("EMAIL", "payments@example.com"))}}
        self.git("init", "--quiet", "--bare", "--initial-branch=main", self.served / NAME, at=folder)
        self.git("init", "--quiet", "--initial-branch=main", self.tree, at=folder)

    def git(self, *arguments, at=None):
        done = subprocess.run(["git", *map(str, arguments)], cwd=at or self.tree, env=self.env, check=True, stdout=subprocess.PIPE)
        return done.stdout

    def write(self, path, text):
        """The file with this text; None = no such file."""
        file = self.tree / path
        if text is None:
            file.unlink()
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def commit(self, message):
        """Commits what was written and returns the id."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.push()

    def revert(self):
        """Takes the last commit back by another one, and returns its id."""
        self.git("revert", "--no-edit", "HEAD")
        return self.push()

    def push(self):
        self.git("push", "--quiet", self.served / NAME, "HEAD:main")
        return self.git("rev-parse", "HEAD").decode().strip()

    def archive(self, commit):
        """The commit's files as a tarball to be served. Returns its name, digest and size, as Flux has them."""
        data = self.git("archive", "--format=tar.gz", commit)
        name = f"{commit}.tar.gz"
        (self.served / name).write_bytes(data)
        return name, f"sha256:{hashlib.sha256(data).hexdigest()}", len(data)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Git's own protocol by its own program, and plain files."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        if f"/{NAME}/" in self.path:
            self.backend()
        else:
            super().do_GET()

    def do_POST(self):
        self.backend()

    def backend(self):
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        env = {
            **os.environ, "GIT_PROJECT_ROOT": self.directory, "GIT_HTTP_EXPORT_ALL": "1", "REQUEST_METHOD": self.command,
            "PATH_INFO": path, "QUERY_STRING": query, "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)), "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        answer = subprocess.run(["git", "http-backend"], input=body, env=env, stdout=subprocess.PIPE).stdout
        head, _, content = answer.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


class Server:
    """Serves a repository on the loopback interface while this process lives."""

    def __init__(self, repository):
        handler = functools.partial(Handler, directory=str(repository.served))
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def stop(self):
        self.http.shutdown()
        self.http.server_close()
