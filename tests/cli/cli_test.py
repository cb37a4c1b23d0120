#!/usr/bin/env python3
"""Runs the real binary's operator commands against a real development server.

Usage: cli_test.py BINARY [unittest arguments]. Standard library only; every server listens on a free port of loopback
and keeps its data in a temporary folder.
"""
import http.client
import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.parse

BINARY = sys.argv[1] if len(sys.argv) > 1 else ""
KEY = "cli-test-key"
# Longer than any answer takes on a busy machine; a test that reaches it has failed.
DEADLINE_SECONDS = 30
NOW = "2025-06-21T05:59:59.900Z"  # 14:59:59 in Seoul


def clean_environment(**extra):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WINDFALL_", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C.UTF-8", **extra}


class Server:
    """A development server of the binary under test, its clock standing at NOW."""

    def __init__(self):
        self.data = tempfile.mkdtemp(prefix="windfall-cli-")
        self.log = open(os.path.join(self.data, "stderr"), "wb")
        self.process = subprocess.Popen(
            [BINARY, "serve", "--dev", "--listen", "127.0.0.1:0", "--data", os.path.join(self.data, "data")],
            stdout=subprocess.PIPE, stderr=self.log, text=True, env=clean_environment(WINDFALL_ADMIN_KEY=KEY))
        line = self.process.stdout.readline()
        if not line.startswith("listening on http://"):
            self.stop()
            raise RuntimeError(f"the server did not start: {line!r}")
        self.url = line.split()[-1]
        self.call("PUT", "/v1/dev/clock", {"now": NOW})

    def call(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.url).netloc, timeout=DEADLINE_SECONDS)
        try:
            sent = None if body is None else json.dumps(body)
            fields = {"Content-Type": "application/json"} if sent is not None else {}
            connection.request(method, path, sent, {**fields, **(headers or {})})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, dict(answer.getheaders()), json.loads(text) if text else None
        finally:
            connection.close()

    def admin(self, method, path, body=None, headers=None):
        return self.call(method, path, body, {"Authorization": "Bearer " + KEY, **(headers or {})})

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()
        shutil.rmtree(self.data, ignore_errors=True)


class Meddler(http.server.ThreadingHTTPServer):
    """Stands between the command and the server, and changes a promotion just before each of the first `times` PATCHes."""

    daemon_threads = True

    def __init__(self, server, times):
        self.server_behind = server
        self.times = times
        self.patches = 0
        super().__init__(("127.0.0.1", 0), MeddlerHandler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.thread = threading.Thread(target=self.serve_forever)
        self.thread.start()

    def stop(self):
        self.shutdown()
        self.thread.join()
        self.server_close()


class MeddlerHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def forward(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.command == "PATCH":
            self.server.patches += 1
            if self.server.patches <= self.server.times:
                title = {"title": f"meddled {self.server.patches}"}
                self.server.server_behind.admin("PATCH", self.path, title, {"If-Match": "*"})
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.server.server_behind.url).netloc)
        fields = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        connection.request(self.command, self.path, body or None, fields)
        answer = connection.getresponse()
        text = answer.read()
        self.send_response(answer.status)
        for name in ("ETag", "Content-Type"):
            if answer.getheader(name):
                self.send_header(name, answer.getheader(name))
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        connection.close()

    do_GET = do_PATCH = forward

    def log_message(self, *_):
        pass


class CliTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.folder = tempfile.mkdtemp(prefix="windfall-cli-files-")
        cls.made = 0

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        shutil.rmtree(cls.folder, ignore_errors=True)

    def run_cli(self, *arguments, stdin="", environment=None):
        settings = {"WINDFALL_URL": self.server.url, "WINDFALL_ADMIN_KEY": KEY}
        settings.update(environment or {})
        return subprocess.run([BINARY, *arguments], input=stdin, capture_output=True, text=True, encoding="utf-8",
                              timeout=DEADLINE_SECONDS, env=clean_environment(**settings), cwd=self.folder)

    def file(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as out:
            out.write(text)
        return name

    def promotion(self, **members):
        type(self).made += 1
        return {"id": f"p{self.made}", "title": "프로모션", "startDate": "2025-06-20", "endDate": "2025-06-30",
                "rewardAmount": 500, "limitJoinCount": 50, **members}

    def made_promotion(self, **members):
        promotion = self.promotion(**members)
        status, _, _ = self.server.admin("POST", "/v1/admin/promotions", promotion)
        self.assertEqual(status, 201)
        return promotion["id"]

    def assert_refused(self, run, first_line):
        self.assertEqual((run.returncode, run.stdout), (1, ""), run.stderr)
        self.assertEqual(run.stderr.splitlines()[0], first_line)


class Create(CliTest):
    def test_prints_the_id_and_the_etag(self):
        run = self.run_cli("promotion", "create", self.file("a.json", json.dumps(self.promotion(id="a-1"))))
        self.assertEqual((run.returncode, run.stdout, run.stderr), (0, 'a-1 "1"\n', ""))

    def test_reads_standard_input_and_prints_json(self):
        run = self.run_cli("promotion", "create", "-", "-o", "json", stdin=json.dumps(self.promotion(id="a-2")))
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        self.assertEqual((json.loads(run.stdout)["id"], json.loads(run.stdout)["title"]), ("a-2", "프로모션"))

    def test_says_warnings_on_stderr(self):
        rule = {"joinType": "LEADING", "leadPromoId": ["not-yet"]}
        run = self.run_cli("promotion", "create", "-", stdin=json.dumps(self.promotion(id="a-3", joinTypes=[rule])))
        self.assertEqual((run.returncode, run.stdout), (0, 'a-3 "1"\n'))
        self.assertRegex(run.stderr, r"^warning: .*not-yet.*\n$")

    def test_names_the_place_in_a_broken_file(self):
        name = self.file("broken.json", '{"title": "x",\n  "startDate": }')
        run = self.run_cli("promotion", "create", name)
        self.assertEqual((run.returncode, run.stdout), (1, ""))
        self.assertTrue(run.stderr.startswith("windfall: broken.json: line 2, column 16: "), run.stderr)
        self.assertIn("line 1, column 1", self.run_cli("promotion", "create", "-", stdin="").stderr)
        said = self.run_cli("promotion", "create", name, "--lang", "ko").stderr
        self.assertTrue(said.startswith("windfall: broken.json: 2행 16열: 올바른 JSON이 아닙니다"), said)

    def test_names_a_file_that_cannot_be_read(self):
        run = self.run_cli("promotion", "create", "missing.json")
        self.assertEqual((run.returncode, run.stderr), (1, "windfall: missing.json: No such file or directory\n"))
        run = self.run_cli("promotion", "create", "-", stdin="[" + " " * 65536 + "]")
        self.assertEqual(run.returncode, 1)
        self.assertIn("64 KiB", run.stderr)

    def test_prints_every_pointer_on_its_own_line(self):
        wrong = self.promotion(startDate="2025-07-01", limitJoinCount=0, colour="red")
        run = self.run_cli("promotion", "create", "-", stdin=json.dumps(wrong))
        self.assertEqual((run.returncode, run.stdout), (1, ""))
        lines = run.stderr.splitlines()
        self.assertTrue(lines[0].startswith("INVALID_REQUEST: "), lines)
        self.assertEqual(sorted(line.split(": ")[2] for line in lines[1:]), ["/colour", "/endDate", "/limitJoinCount"])
        self.assertEqual({line.split(": ")[0] for line in lines[1:]}, {"standard input"})

    def test_names_file_and_line_of_what_the_server_refuses(self):
        name = self.file("refused.json", '{"title": "x",\n  "startDate": "soon", "endDate": "2025-06-30",\n'
                                         '  "joinTypes": [\n    {"joinType": "N_DUP_LIMIT", "limitDupJoinCount": 0}],\n'
                                         '  "limitJoinCount": 5}')
        run = self.run_cli("promotion", "create", name)
        self.assertEqual((run.returncode, run.stdout), (1, ""))
        places = sorted(line.rsplit(": ", 1)[0] for line in run.stderr.splitlines()[1:])
        self.assertEqual(places, ["refused.json: line 1, column 1: /rewardAmount",
                                  "refused.json: line 2, column 16: /startDate",
                                  "refused.json: line 4, column 54: /joinTypes/0/limitDupJoinCount"])
        self.assertIn("refused.json: 2행 16열: /startDate: ", self.run_cli("promotion", "create", name, "--lang", "ko").stderr)

    def test_a_taken_id_is_refused(self):
        taken = json.dumps(self.promotion(id="a-4"))
        self.assertEqual(self.run_cli("promotion", "create", "-", stdin=taken).returncode, 0)
        run = self.run_cli("promotion", "create", "-", stdin=taken)
        self.assertEqual(run.returncode, 1)
        self.assertTrue(run.stderr.startswith("ID_TAKEN: "), run.stderr)


class Look(CliTest):
    def test_list_aligns_titles_and_numbers(self):
        self.made_promotion(id="one", title="가나다라")
        self.made_promotion(id="drafted", title="b", status="DRAFT", dailyLimitJoinCount=7, limitJoinCount=1000)
        run = self.run_cli("promotion", "list")
        self.assertEqual(run.stderr, "")
        lines = run.stdout.splitlines()
        self.assertEqual(lines[0].split(), ["ID", "STATUS", "MODE", "PERIOD", "LEFT", "LEFT", "TODAY", "REWARD", "TITLE"])
        rows = {line.split()[0]: line for line in lines[1:]}
        self.assertEqual(rows["one"].index("가나다라"), rows["drafted"].index(" b") + 1)
        self.assertIn("1000 of 1000", rows["drafted"])
        self.assertIn("7 of 7", rows["drafted"])

    def test_list_goes_through_every_page(self):
        ids = [self.made_promotion() for _ in range(101)]
        run = self.run_cli("promotion", "list", "-o", "json")
        listed = json.loads(run.stdout)
        self.assertIsNone(listed["nextCursor"])
        found = [item["id"] for item in listed["items"]]
        self.assertEqual([each for each in found if each in set(ids)], ids)

    def test_show_tells_everything_in_local_time(self):
        rules = [{"joinType": "N_DUP_LIMIT", "limitDupJoinCount": 3},
                 {"joinType": "LEADING", "leadPromoId": ["x", "y"], "match": "ANY"}]
        shown = self.made_promotion(title="보기", joinTypes=rules, timezone="America/New_York")
        run = self.run_cli("promotion", "show", shown)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        for line in (f"id            {shown}", "title         보기", "status        ACTIVE",
                     "period        2025-06-20 to 2025-06-30 (America/New_York)", "left          50 of 50", "left today    -",
                     "condition     N_DUP_LIMIT limitDupJoinCount=3", "condition     LEADING leadPromoId=x,y match=ANY",
                     "created       2025-06-21 01:59:59 -04:00", 'etag          "1"'):
            self.assertIn(line, run.stdout.splitlines())
        as_json = json.loads(self.run_cli("promotion", "show", shown, "-o", "json").stdout)
        self.assertEqual(as_json["joinTypes"], rules)

    def test_a_title_cannot_command_the_terminal(self):
        shown = self.made_promotion(title="a\u001b[2Jb")
        self.assertNotIn("\x1b", self.run_cli("promotion", "show", shown).stdout)
        self.assertNotIn("\x1b", self.run_cli("promotion", "list").stdout)

    def test_an_unknown_promotion_is_named_in_the_callers_language(self):
        self.assert_refused(self.run_cli("promotion", "show", "nowhere"),
                            "PROMOTION_NOT_FOUND: There is no promotion with this id.")
        korean = self.run_cli("promotion", "show", "nowhere", environment={"LC_ALL": "", "LANG": "ko_KR.UTF-8"})
        self.assertRegex(korean.stderr, "^PROMOTION_NOT_FOUND: .*[가-힣]")


class Change(CliTest):
    def status_of(self, promotion):
        return self.server.admin("GET", f"/v1/admin/promotions/{promotion}")[2]["status"]

    def test_pause_resume_and_end(self):
        promotion = self.made_promotion()
        for verb, status, etag in (("pause", "PAUSED", 2), ("resume", "ACTIVE", 3), ("end", "ENDED", 4)):
            run = self.run_cli("promotion", verb, promotion)
            self.assertEqual((run.returncode, run.stdout, run.stderr), (0, f'{promotion} {status} "{etag}"\n', ""))
            self.assertEqual(self.status_of(promotion), status)

    def test_a_change_that_is_none_is_refused_with_its_pointer(self):
        promotion = self.made_promotion()
        self.assertEqual(json.loads(self.run_cli("promotion", "pause", promotion, "-o", "json").stdout)["status"], "PAUSED")
        run = self.run_cli("promotion", "pause", promotion)
        self.assertEqual((run.returncode, run.stdout), (1, ""))
        self.assertTrue(run.stderr.splitlines()[1].startswith("/status: "), run.stderr)

    def test_unknown_promotions_are_refused(self):
        for verb in ("pause", "resume", "end"):
            self.assertTrue(self.run_cli("promotion", verb, "nowhere").stderr.startswith("PROMOTION_NOT_FOUND: "))

    def through_meddler(self, times):
        promotion = self.made_promotion()
        meddler = Meddler(self.server, times)
        try:
            return promotion, self.run_cli("promotion", "pause", promotion, "--url", meddler.url), meddler.patches
        finally:
            meddler.stop()

    def test_a_change_in_between_is_looked_at_again(self):
        promotion, run, patches = self.through_meddler(times=1)
        self.assertEqual((run.returncode, run.stdout, patches), (0, f'{promotion} PAUSED "3"\n', 2))
        _, _, now = self.server.admin("GET", f"/v1/admin/promotions/{promotion}")
        self.assertEqual((now["title"], now["status"]), ("meddled 1", "PAUSED"))

    def test_a_second_change_in_between_is_told(self):
        promotion, run, patches = self.through_meddler(times=9)
        self.assertEqual((run.returncode, run.stdout, patches), (1, "", 2))
        self.assertTrue(run.stderr.startswith("STALE: "), run.stderr)
        self.assertEqual(self.status_of(promotion), "ACTIVE")


class Timeline(CliTest):
    def join(self, promotion, user):
        return self.server.call("POST", f"/v1/promotions/{promotion}/participations",
                                headers={"X-User-Id": user.encode("utf-8").decode("latin-1")})[0]

    def test_tells_joins_and_refusals_in_the_time_of_each_promotion(self):
        seoul = self.made_promotion()
        new_york = self.made_promotion(timezone="America/New_York")
        self.assertEqual([self.join(seoul, "김철수"), self.join(new_york, "김철수"), self.join(seoul, "김철수")], [201, 201, 409])
        run = self.run_cli("user", "timeline", "김철수")
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        lines = run.stdout.splitlines()
        self.assertEqual(lines[0].split(), ["TIME", "TYPE", "PROMOTION", "TICKETS", "CAUSE", "DETAIL"])
        rows = [line.split() for line in lines[1:]]
        self.assertIn(["2025-06-21", "14:59:59", "+09:00", "JOIN", seoul], [row[:5] for row in rows])
        self.assertIn(["2025-06-21", "01:59:59", "-04:00", "JOIN", new_york], [row[:5] for row in rows])
        self.assertIn(["REFUSED", seoul, "ALREADY_PARTICIPATED"], [row[3:6] for row in rows])
        self.assertIn("tickets: granted 0, drawn 0, revoked 0, held 0", lines)
        self.assertIn("You have joined 2 times", lines[-1])
        korean = self.run_cli("user", "timeline", "김철수", "--lang", "ko", "--promotion", new_york)
        self.assertIn("1번 참여하셨습니다", korean.stdout.splitlines()[-1])
        self.assertNotIn(seoul, [word for line in korean.stdout.splitlines() for word in line.split()])
        as_json = json.loads(self.run_cli("user", "timeline", "김철수", "-o", "json").stdout)
        self.assertEqual(as_json["userId"], "김철수")
        self.assertEqual(sum(item["type"] == "JOIN" for item in as_json["items"]), 2)

    def test_any_user_id_reaches_the_server_as_it_is(self):
        for user in ("..", "a/b", "a%2Fb", "x?y#z", "한/글"):
            run = self.run_cli("user", "timeline", user, "-o", "json")
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertEqual(json.loads(run.stdout)["userId"], user)

    def test_an_unknown_promotion_is_refused(self):
        run = self.run_cli("user", "timeline", "someone", "--promotion", "nowhere")
        self.assertTrue(run.stderr.startswith("PROMOTION_NOT_FOUND: "), run.stderr)
        self.assertEqual(run.returncode, 1)


class Usage(CliTest):
    COMMANDS = (("promotion",), ("promotion", "create"), ("promotion", "list"), ("promotion", "show"), ("promotion", "pause"),
                ("promotion", "resume"), ("promotion", "end"), ("user",), ("user", "timeline"), ("completion",))

    def test_wrong_calls_exit_with_2_and_print_no_data(self):
        wrong = [("promotion",), ("promotion", "create"), ("promotion", "fly"), ("promotion", "list", "--colour"),
                 ("promotion", "list", "-o", "yaml"), ("promotion", "show", "a b"), ("promotion", "pause", "../x"),
                 ("promotion", "end", "x", "y"), ("promotion", "list", "--lang", "fr"), ("user",), ("user", "timeline"),
                 ("user", "timeline", ""), ("user", "timeline", "a b"), ("user", "timeline", "a", "--promotion", "?"),
                 ("promotion", "list", "--url", "ftp://127.0.0.1"), ("promotion", "list", "--url", "http://u:p@127.0.0.1"),
                 ("promotion", "list", "--url", "http://127.0.0.1/?x=1"), ("promotion", "list", "--key", "a\r\nX-Evil: 1"),
                 ("completion",), ("completion", "tcsh")]
        for call in wrong:
            with self.subTest(call=call):
                run = self.run_cli(*call)
                self.assertEqual((run.returncode, run.stdout), (2, ""))
                self.assertNotEqual(run.stderr, "")

    def test_an_unknown_command_is_named(self):
        for call in (("fly",), ("promotion", "fly")):
            with self.subTest(call=call):
                self.assertIn("no command 'fly'", self.run_cli(*call).stderr)

    def test_every_command_has_help_with_an_example(self):
        for command in self.COMMANDS:
            with self.subTest(command=command):
                run = self.run_cli(*command, "--help")
                self.assertEqual((run.returncode, run.stderr), (0, ""))
                self.assertRegex(run.stdout, r"(?s)Examples?:\n.*windfall " + " ".join(command))
                self.assertNotIn(KEY, run.stdout, "help must not show the key of the environment")

    def test_an_unreachable_server_exits_with_1(self):
        with socket.socket() as taken:  # bound and not listening: nobody answers, and nobody else can
            taken.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{taken.getsockname()[1]}"
            run = self.run_cli("promotion", "list", "--url", url)
        self.assertEqual((run.returncode, run.stdout), (1, ""))
        self.assertIn(f"no answer from {url}", run.stderr)

    def test_a_wrong_and_a_missing_key_exit_with_1(self):
        wrong = self.run_cli("promotion", "list", "--key", "wrong")
        self.assertTrue(wrong.stderr.startswith("UNAUTHENTICATED: "), wrong.stderr)
        self.assertNotIn("hint", wrong.stderr)
        missing = self.run_cli("promotion", "list", environment={"WINDFALL_ADMIN_KEY": ""})
        self.assertEqual((wrong.returncode, missing.returncode), (1, 1))
        self.assertIn("WINDFALL_ADMIN_KEY", missing.stderr)

    def test_flags_win_over_the_environment(self):
        run = self.run_cli("promotion", "list", "--url", self.server.url + "/", "--key", KEY,
                           environment={"WINDFALL_URL": "http://127.0.0.1:1", "WINDFALL_ADMIN_KEY": "wrong"})
        self.assertEqual(run.returncode, 0, run.stderr)

    @unittest.skipUnless(os.path.exists("/dev/full"), "needs a disk that is always full")
    def test_output_that_cannot_be_written_exits_with_1(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            run = subprocess.run([BINARY, "promotion", "list", "--url", self.server.url, "--key", KEY], stdout=full,
                                 stderr=subprocess.PIPE, text=True, timeout=DEADLINE_SECONDS, env=clean_environment())
        self.assertEqual(run.returncode, 1)
        self.assertIn("No space left", run.stderr)


class Completion(CliTest):
    def offered(self, *words):
        """What bash offers for the last of the words."""
        script = self.run_cli("completion", "bash").stdout
        program = script + '\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _windfall; printf "%s\\n" "${COMPREPLY[@]}"\n'
        run = subprocess.run(["bash", "--norc", "-c", program, "bash", "windfall", *words], capture_output=True, text=True,
                             timeout=DEADLINE_SECONDS, env=clean_environment(), cwd=self.folder)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        return run.stdout.split()

    def test_the_bash_script_is_bash(self):
        run = subprocess.run(["bash", "-n"], input=self.run_cli("completion", "bash").stdout, capture_output=True, text=True,
                             timeout=DEADLINE_SECONDS)
        self.assertEqual((run.returncode, run.stderr), (0, ""))

    def test_bash_is_offered_commands_options_and_values(self):
        self.assertIn("serve", self.offered("se"))
        everything = self.offered("")
        for command in ("serve", "sandbox", "config", "promotion", "user", "completion", "version", "--help"):
            self.assertIn(command, everything)
        self.assertEqual(self.offered("promotion", "p"), ["pause"])
        self.assertEqual(self.offered("serve", "--dev", "--li"), ["--listen"])
        self.assertEqual(self.offered("promotion", "list", "-o", ""), ["text", "json"])
        self.assertEqual(self.offered("promotion", "list", "--output", "=", "j"), ["json"])
        self.assertEqual(self.offered("user", "timeline", "--key", "--url", "--prom"), ["--promotion"],
                         "what follows --key is its value")
        self.assertEqual(self.offered("completion", "f"), ["fish"])

    def test_bash_is_offered_files(self):
        self.file("spring.json", "{}")
        self.assertEqual(self.offered("promotion", "create", "spri"), ["spring.json"])
        self.assertEqual(self.offered("serve", "--config", "spri"), ["spring.json"])

    def test_zsh_and_fish_know_the_same_commands(self):
        zsh = self.run_cli("completion", "zsh").stdout
        fish = self.run_cli("completion", "fish").stdout
        self.assertTrue(zsh.startswith("#compdef windfall\n"))
        for command in ("serve", "promotion", "timeline", "version"):
            self.assertIn(f"commands+=('{command}:", zsh)
            self.assertIn(f"-a '{command}' -d ", fish)


del CliTest  # a base, not a test

if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
