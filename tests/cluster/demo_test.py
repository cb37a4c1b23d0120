"""`windfall demo --mode distributed`: it plays on a cluster of scripts/cluster, a Redis master dies in the middle, and no book differs.

usage: demo_test.py WINDFALL
"""

import json
import subprocess
import sys
import unittest

from running_cluster import RunningCluster

SECONDS = 400  # of the demo, on a machine that compiles beside it
STAGE = ("--seconds", "10", "--users", "1000", "--dice-people", "1500")


def command(cluster, dice_seconds):
    return [
        BINARY, "demo", "--mode", "distributed", "--cluster", str(cluster.data), "--lang", "en", "-o", "json", *STAGE, "--dice-seconds", str(dice_seconds)
    ]  # fmt: skip


def demo(cluster, dice_seconds):
    return subprocess.run(command(cluster, dice_seconds), capture_output=True, text=True, check=False, timeout=SECONDS)


class DemoOnACluster(unittest.TestCase):
    def test_books_agree_although_a_master_is_killed_and_a_second_demo_finds_the_cluster_as_good(self):
        with RunningCluster(["windfall", "sandbox"], ["--dev", "--windfall", BINARY]) as cluster:
            before = {name: node["starts"] for name, node in cluster.status().items()}
            done = demo(cluster, 15)
            self.assertEqual(done.returncode, 0, done.stderr + cluster.ends_of_logs())
            report = json.loads(done.stdout)
            self.assertEqual(report["audit"]["differenceCount"], 0)
            self.assertGreater(sum(one["answered503"] for one in report["promotions"]), 0, "nobody noticed the kill")
            self.assertEqual(report["dice"]["problems"], 0)
            self.assertEqual(report["dice"]["winners"] + report["dice"]["shortfall"], report["dice"]["planned"])
            cluster.until_well()
            again = {name: node["starts"] for name, node in cluster.status().items() if node["starts"] != before[name]}
            self.assertEqual(len(again), 1, f"started again: {again}")
            self.assertTrue(next(iter(again)).startswith("redis-"))
            second = demo(cluster, 0)
            self.assertEqual(second.returncode, 0, second.stderr + cluster.ends_of_logs())

    def test_where_the_clock_cannot_be_set_it_says_that_the_dice_are_left_out_before_it_plays(self):
        with RunningCluster(["windfall", "sandbox"], ["--windfall", BINARY]) as cluster:
            playing = subprocess.Popen(command(cluster, 15), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            try:
                told = [playing.stderr.readline(), playing.stderr.readline()]
            finally:
                playing.kill()
                playing.wait()
                playing.stderr.close()
            self.assertIn("The lucky dice are left out", told[1], told)

    def test_where_no_cluster_runs_it_says_how_to_start_one(self):
        done = subprocess.run([BINARY, "demo", "--mode", "distributed", "--cluster", "/nowhere"], capture_output=True, text=True, check=False, timeout=SECONDS)
        self.assertEqual(done.returncode, 1)
        self.assertIn("scripts/cluster up", done.stderr)


if __name__ == "__main__":
    BINARY = sys.argv.pop(1)
    unittest.main(verbosity=2)
