"""Opens the status page in a headless Chromium, as a person would, and prints what is seen there as JSON.

    browser.py CHROMIUM URL TOKEN FOLDER

Steps: the page without a password, then with the token as the password that the browser asks for; the same page five seconds later, without a
reload; the page with scripts switched off. Pictures, light and dark and on a narrow screen, go to FOLDER.
"""

import base64
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import websocket

PATIENCE_S = 20


class Browser:
    """One tab, by the DevTools protocol."""

    def __init__(self, program, profile):
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        arguments += ["--remote-debugging-port=0", "--remote-allow-origins=*", f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen([program, *arguments], stderr=subprocess.PIPE, text=True)
        address = None
        for line in self.process.stderr:
            found = re.search(r"DevTools listening on (ws://\S+)", line)
            if found:
                address = found.group(1)
                break
        self.socket = websocket.create_connection(address, timeout=PATIENCE_S)
        self.number = 0
        self.session = None
        self.token = None
        self.complaints = []
        self.statuses = []
        self.loads = 0
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Page", "Network", "Log", "Runtime", "DOM"]:
            self.ask(f"{domain}.enable")
        self.ask("Fetch.enable", handleAuthRequests=True)

    def ask(self, method, **parameters):
        self.number += 1
        number = self.number
        message = {"id": number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.socket.send(json.dumps(message))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == number:
                if "error" in answer:
                    sys.exit(f"{method}: {answer['error']}")
                return answer["result"]
            self.hear(answer)

    def tell(self, method, **parameters):
        """Without waiting for the answer."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters, "sessionId": self.session}
        self.socket.send(json.dumps(message))

    def hear(self, event):
        of, what = event.get("method"), event.get("params", {})
        if of == "Fetch.requestPaused":
            self.tell("Fetch.continueRequest", requestId=what["requestId"])
        elif of == "Fetch.authRequired":
            password = {"response": "ProvideCredentials", "username": "me", "password": self.token}
            answer = password if self.token else {"response": "CancelAuth"}
            self.tell("Fetch.continueWithAuth", requestId=what["requestId"], authChallengeResponse=answer)
        elif of == "Log.entryAdded" and what["entry"]["level"] in ("error", "warning"):
            self.complaints.append(what["entry"]["text"])
        elif of == "Runtime.exceptionThrown":
            self.complaints.append(str(what["exceptionDetails"]))
        elif of == "Network.responseReceived":
            self.statuses.append([what["response"]["url"], what["response"]["status"]])
        elif of == "Page.loadEventFired":
            self.loads += 1

    def run(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                self.hear(json.loads(self.socket.recv()))
            except websocket.WebSocketTimeoutException:
                break
        self.socket.settimeout(PATIENCE_S)

    def go(self, url):
        loads = self.loads
        self.ask("Page.navigate", url=url)
        end = time.monotonic() + PATIENCE_S
        while self.loads == loads and time.monotonic() < end:
            self.run(0.1)

    def html(self):
        root = self.ask("DOM.getDocument", depth=0)["root"]["nodeId"]
        return self.ask("DOM.getOuterHTML", nodeId=root)["outerHTML"]

    def picture(self, path, scheme, width):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.run(0.3)
        data = self.ask("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))

    def close(self):
        """Until the browser's last helper process, which holds its standard error too, has ended: they write to the profile to their end."""
        self.process.terminate()
        self.process.communicate(timeout=PATIENCE_S)


def main(program, url, token, folder):
    folder = pathlib.Path(folder)
    # What a helper process of the browser leaves in its profile says nothing of the page.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        try:
            browser.go(url)
            refused, browser.statuses, browser.complaints = browser.statuses, [], []
            browser.token = token
            browser.go(url)
            first, loads = browser.html(), browser.loads
            browser.run(5)
            later = browser.html()
            reloaded = browser.loads != loads
            browser.picture(folder / "status-light.png", "light", 1280)
            browser.picture(folder / "status-dark.png", "dark", 1280)
            browser.picture(folder / "status-narrow.png", "light", 390)
            complaints, statuses = browser.complaints, browser.statuses
            browser.ask("Emulation.setScriptExecutionDisabled", value=True)
            browser.go(url)
            browser.run(3)
            result = {
                "refused": refused,
                "first": first,
                "later": later,
                "reloaded": reloaded,
                "complaints": complaints,
                "statuses": statuses,
                "without_scripts": browser.html(),
            }
            print(json.dumps(result))
        finally:
            browser.close()


main(*sys.argv[1:])
