#!/usr/bin/env python3
"""Outbound HTTP under the built host: http_test.py HOST GUESTS_DIR

A server on the loopback interface answers classify-http.wasm, which fetches its model and pictures. The
part with a trained model says that it is left out where ../shared (or $WNN_SHARED_DIR) is not there,
and the part with a certificate of the test's own where there is no openssl to make it.
"""

import functools
import http.server
import os
import queue
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

SHARED = Path(os.environ.get("WNN_SHARED_DIR") or Path(__file__).resolve().parents[3] / "shared")
TIMEOUT_S = 120


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of a folder; /moved is elsewhere, /slow says nothing for a while, and
    /half no more than the beginning."""

    asked = []

    def do_GET(self):
        self.asked.append(self.path)
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "http://elsewhere.example/model")
            self.end_headers()
        elif self.path == "/slow":
            time.sleep(TIMEOUT_S)
        elif self.path == "/half":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"x" * 50)
            time.sleep(TIMEOUT_S)
        else:
            super().do_GET()

    def log_message(self, *_):
        pass


class HttpTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        (Path(cls.folder.name) / "no-model").write_text("no model\n" * 1000)
        if (SHARED / "models").is_dir():
            for name in "models", "images":
                (Path(cls.folder.name) / name).symlink_to(SHARED / name)
        handler = functools.partial(Handler, directory=cls.folder.name)
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        cls.server.daemon_threads = True
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.authority = f"127.0.0.1:{cls.server.server_port}"
        cls.url = f"http://{cls.authority}"

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.folder.cleanup()

    def setUp(self):
        Handler.asked.clear()

    def run_guest(self, options, model, *words):
        result = subprocess.run(
            [HOST, "run", *options, GUESTS / "classify-http.wasm", "--model", model, *words],
            capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        print(result.stdout, result.stderr)
        return result

    def run_allowed(self, path):
        return self.run_guest(["--allow-http", self.authority], self.url + path, "photo.jpg")

    def test_is_switched_off(self):
        result = self.run_guest([], self.url + "/no-model", "photo.jpg")
        self.assertEqual(result.returncode, 1)
        self.assertIn("HTTP is switched off: -S http offers it", result.stderr)
        self.assertEqual(Handler.asked, [])

    def test_what_no_rule_allows_is_denied(self):
        for options in (["-S", "http"], ["--allow-http", "example.com"],
                        ["--allow-http", "127.0.0.1"], ["--allow-http", "localhost:*"],
                        ["--allow-http", f"127.0.0.1:{self.server.server_port - 1}"]):
            result = self.run_guest(options, self.url + "/no-model", "photo.jpg")
            self.assertEqual(result.returncode, 1)
            self.assertIn(f"the guest may not send a request to {self.url}", result.stderr)
            self.assertIn("the host does not let us ask there", result.stderr)
        self.assertEqual(Handler.asked, [])

    def test_a_user_s_name_hides_no_host(self):
        url = f"http://example.com@{self.authority}/no-model"
        result = self.run_guest(["--allow-http", "*:*"], url, "photo.jpg")
        self.assertEqual(result.returncode, 1)
        self.assertIn("may not send a request", result.stderr)
        self.assertEqual(Handler.asked, [])

    def test_fetches(self):
        result = self.run_allowed("/no-model?x=1")
        self.assertEqual(result.returncode, 1)
        self.assertIn("InvalidEncoding", result.stderr)  # what came is no model
        self.assertEqual(Handler.asked, ["/no-model?x=1"])

    def test_answers_other_than_200_are_told(self):
        self.assertIn("answers 404", self.run_allowed("/absent").stderr)
        self.assertIn("answers 302: it is at http://elsewhere.example/model",
                      self.run_allowed("/moved").stderr)

    def test_nobody_there(self):
        result = self.run_guest(["--allow-http", "127.0.0.1:9"], "http://127.0.0.1:9/", "photo.jpg")
        self.assertEqual(result.returncode, 1)
        self.assertIn("http://127.0.0.1:9/", result.stderr)

    def assert_ended_by_its_time(self, result):
        """Not by an error of the request's, which ends at the same moment."""
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("Its time (-W timeout) was over", result.stderr)
        self.assertNotIn("ErrorCode", result.stderr)

    def test_a_timeout_ends_the_wait(self):
        for path in "/slow", "/half":
            start = time.monotonic()
            result = self.run_guest(["--allow-http", self.authority, "-W", "timeout=1s"],
                                    self.url + path, "photo.jpg")
            self.assert_ended_by_its_time(result)
            self.assertLess(time.monotonic() - start, TIMEOUT_S / 2)

    def test_classifies_with_model_and_picture_from_the_network(self):
        if not (SHARED / "models").is_dir():
            self.skipTest("there is no ../shared with the trained models")
        result = self.run_guest(
            ["--allow-http", self.authority], self.url + "/models/squeezenet1.1.onnx",
            "--labels", self.url + "/models/synset_words.txt", self.url + "/images/n07734744.jpg")
        self.assertEqual(result.returncode, 0)
        self.assertIn("1. mushroom  0.48", result.stdout)
        self.assertEqual(len(Handler.asked), 3)

    def listener(self, serve):
        """The authority of a server that has `serve` deal with each connection."""
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)

        def accept():
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return  # closed
                threading.Thread(target=serve, args=(connection,), daemon=True).start()
        threading.Thread(target=accept, daemon=True).start()
        return f"127.0.0.1:{listening.getsockname()[1]}"

    def refused_over_tls(self, authority):
        url = f"https://{authority}/no-model"
        result = self.run_guest(["--allow-http", authority], url, "photo.jpg")
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"'{url}': ", result.stderr)
        return result.stderr

    def test_a_certificate_that_nobody_signed_is_refused(self):
        if not shutil.which("openssl"):
            self.skipTest("there is no openssl to make a certificate")
        pem = Path(self.folder.name, "own.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-keyout", pem, "-out", pem], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        problems = queue.SimpleQueue()

        def serve(connection):
            try:
                with context.wrap_socket(connection, server_side=True) as tls:
                    problems.put(f"was asked {tls.recv(100)}")
            except OSError as problem:  # of which ssl.SSLError is one
                problems.put(str(problem))
        # The certificate is no better where the environment names it.
        os.environ["SSL_CERT_FILE"] = str(pem)
        self.addCleanup(os.environ.pop, "SSL_CERT_FILE")
        self.assertIn("ErrorCode::TlsCertificateError",
                      self.refused_over_tls(self.listener(serve)))
        self.assertNotIn("was asked", problems.get(timeout=TIMEOUT_S))

    def test_tls_with_who_does_not_speak_it(self):
        self.assertIn("ErrorCode::Tls", self.refused_over_tls(self.authority))
        self.assertEqual(Handler.asked, [])

    def test_a_timeout_ends_the_wait_for_tls(self):
        start = time.monotonic()
        authority = self.listener(lambda connection: time.sleep(TIMEOUT_S))
        result = self.run_guest(["--allow-http", authority, "-W", "timeout=1s"],
                                f"https://{authority}/", "photo.jpg")
        self.assert_ended_by_its_time(result)
        self.assertLess(time.monotonic() - start, TIMEOUT_S / 2)


if __name__ == "__main__":
    HOST, GUESTS = Path(sys.argv[1]), Path(sys.argv[2])
    unittest.main(argv=sys.argv[:1])
