#!/usr/bin/python3
"""Which faults a run meets, and which of them count, without a cluster."""

import pathlib
import sys
import tempfile
import types
import unittest
from unittest import mock

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "scripts")]

import cut_network  # noqa: E402
import faults  # noqa: E402
import faults_test  # noqa: E402
from local_cluster.resp import RedisError  # noqa: E402

COMMITS = 100


class Cluster:
    """One master and its replica, which leads when it is asked to, if it does at all."""

    def __init__(self, obeys):
        self.obeys = obeys
        self.roles = {"redis-1": "master", "redis-2": "replica"}

    def status(self):
        details = {"master": {"slots": "0-16383"}, "replica": {"of": "redis-1"}}
        return {name: {"part": "redis", "role": role, "details": details[role]} for name, role in self.roles.items()}

    def node(self, name):
        return self.status()[name]

    def until_well(self, _):
        return 0.0

    def until(self, holds, what, _):
        assert holds(), what
        return 0.0

    def kill(self, *_):
        pass

    pause = cont = stop = kill

    def failover(self, name, *_):
        if self.obeys is None:
            raise RedisError("ERR Master is down or failed")
        if self.obeys:
            self.roles = {"redis-1": "replica", name: "master"}


class FaultKindsTest(unittest.TestCase):
    def faults_of(self, cluster):
        made = faults.Faults(cluster, "1", lambda _: None)
        made.operator = cluster.failover
        return made

    def setUp(self):
        self.enterContext(mock.patch.object(faults.time, "sleep", lambda _: None))
        self.enterContext(mock.patch.object(faults, "ROLE_SECONDS", 0))

    def test_a_failover_that_changed_no_role_or_was_refused_does_not_count(self):
        for obeys, took_place in ((True, True), (False, False), (None, False)):
            with self.subTest(obeys=obeys):
                made = self.faults_of(Cluster(obeys))
                self.assertEqual(took_place, made.do("failover"))
                self.assertEqual(["failover"] * took_place, [name for name, *_ in made.done])

    def test_a_lagging_replica_that_does_not_lead_afterwards_does_not_count(self):
        for leads in (True, False):
            with self.subTest(leads=leads):
                cluster = Cluster(True)
                cluster.kill = lambda *_, cluster=cluster, leads=leads: leads and cluster.failover("redis-2")
                self.assertEqual(leads, self.faults_of(cluster).do("lagging_failover"))

    def test_outages_take_their_full_time_where_faults_are_asked_for(self):
        for at_length, kafka, postgres in ((True, (30, 30), (60, 60)), (False, (10, 30), (10, 60))):
            for kind, (least, most) in (("kafka_down", kafka), ("postgres_down", postgres)):
                with self.subTest(kind=kind, at_length=at_length), mock.patch.object(faults.time, "sleep") as slept:
                    made = self.faults_of(Cluster(True))
                    made.at_length = at_length
                    self.assertTrue(made.do(kind))
                    self.assertTrue(least <= slept.call_args.args[0] <= most, slept.call_args)

    def test_an_empty_master_that_did_not_lead_again_has_emptied_nothing(self):
        for leads, took_place in (("redis-1", True), ("redis-2", False)):
            with self.subTest(leads=leads), tempfile.TemporaryDirectory() as folder:
                cluster = Cluster(True)
                cluster.data = pathlib.Path(folder)
                (cluster.data / "redis-1/appendonlydir").mkdir(parents=True)
                made = self.faults_of(cluster)
                ids = iter(["old", "new", "new"])
                made.replication = lambda name, ids=ids, leads=leads: {"master_replid": next(ids), "role": "master" if name == leads else "slave"}
                made.until_noticed = lambda *_: ""
                made.rebuildings = dict
                self.assertEqual(took_place, made.do("master_restarted_empty"))
                self.assertEqual(took_place, len(made.flushes) == 1)
                self.assertFalse((cluster.data / "redis-1/appendonlydir").exists())

    def test_a_leader_that_did_not_stand_still_in_a_rebuild_does_not_count(self):
        made = self.faults_of(Cluster(True))
        made.rebuildings = lambda: {"batch-1": 3}
        clock = iter(range(100))
        with mock.patch.object(faults.time, "monotonic", lambda: next(clock)):
            self.assertFalse(made.do("leader_stands_still_in_a_rebuild"))
        self.assertEqual([], made.done)
        self.assertEqual(1, len(made.flushes), "what it did is known all the same")

    def test_a_network_fault_that_its_proxy_did_not_see_does_not_count(self):
        def line(**changed):
            return " ".join(f"{name}={value}" for name, value in {"open": 3, "accepted": 5, "broken": 0, "up": 10, "down": 10, **changed}.items())

        for kind, lines, took_place in (("kafka_stalls", [line(), line(up=20), line(up=20)], True),
                                        ("kafka_stalls", [line(), line(up=20), line(up=30)], False),
                                        ("kafka_stalls", [line(open=0)], False),
                                        ("kafka_reset", [line(), line(broken=3), line(broken=3), line(broken=3, accepted=6)], True),
                                        ("kafka_cut", [line(), line(), line()], False)):  # fmt: skip
            with self.subTest(kind=kind, took_place=took_place):
                cluster = Cluster(True)
                told = iter(lines)
                cluster.net = lambda _, words, told=told: next(told) if words == "status" else ""
                cluster.until = lambda holds, *_: self.assertTrue(holds()) or 0.0
                self.assertEqual(took_place, self.faults_of(cluster).do(f"net_{kind}"))

    def test_a_cut_that_nobody_noticed_does_not_count(self):
        states = {"cut_master": ("replica", "master"), "cut_shard": ("ok", "fail"), "cut_replica": ("1", "0")}
        for kind, seen in states.items():
            for noticed in (False, True):
                with self.subTest(kind=kind, noticed=noticed), mock.patch.object(faults.cut_network, "cut_off") as cut:
                    made = self.faults_of(Cluster(True))
                    made.cluster.data = None
                    made.leads = lambda _, now=seen[noticed]: now == "master"
                    made.replication = lambda _, now=seen[noticed]: {"min_slaves_good_slaves": now}
                    made.cluster.node = lambda _, now=seen[noticed]: {"details": {"cluster": now, "of": "redis-1"}}
                    with mock.patch.object(faults.cut_network, "inside", return_value=True), mock.patch.object(faults.plan, "load"):
                        self.assertEqual(noticed, made.do(kind))
                    self.assertEqual({"cut_master": ("redis-1",), "cut_shard": ("redis-1", "redis-2"), "cut_replica": ("redis-2",)}[kind], cut.call_args.args[1])

    def test_nobody_is_cut_off_in_the_network_of_the_whole_machine(self):
        with mock.patch.object(faults.cut_network, "inside", return_value=False):
            self.assertFalse(self.faults_of(Cluster(True)).do("cut_master"))
            self.assertFalse([name for name in faults_test.FaultsTest().every() if name.startswith(faults_test.CUT)])
        with mock.patch.object(faults.cut_network, "inside", return_value=True):
            self.assertEqual(3, len([name for name in faults_test.FaultsTest().every() if name.startswith(faults_test.CUT)]))

    def test_a_cut_is_between_two_sides_in_both_directions_and_nowhere_else(self):
        nodes = [types.SimpleNamespace(name=f"redis-{i}") for i in (1, 2, 3)]
        cluster = types.SimpleNamespace(nodes_of=lambda _: nodes, ports={f"redis-{i}/bus": 100 + i for i in (1, 2, 3)}, reach=lambda name: int(name[-1]))
        made = list(cut_network.rules(cluster, ["redis-1"]))
        self.assertEqual(len(made), len(set(made)))
        for source, port in ((1, 102), (1, 103), (2, 101), (3, 101), (1, 2), (1, 3), (2, 1), (3, 1)):
            self.assertIn(f"pref 10 from 127.0.1.{source} ipproto tcp dport {port} lookup 50", made)
            self.assertIn(f"pref 10 to 127.0.1.{source} ipproto tcp sport {port} lookup 50", made)
        self.assertEqual(16, len(made), "between 2 and 3 nothing is changed")

    def test_over_the_commits_every_kind_is_drawn_and_each_commit_draws_its_own_again(self):
        test = faults_test.FaultsTest()
        drawn = {}
        for commit in range(COMMITS):
            with mock.patch.dict("os.environ", {"WINDFALL_SEED": "1", "WINDFALL_FAULT_SEED": f"{commit:012x}"}):
                drawn[commit] = [test.kinds("1", 0), test.kinds("1", 0)]
        self.assertTrue(all(first == again and len(first) == faults_test.SAMPLED_FAULTS for first, again in drawn.values()))
        self.assertEqual(set(test.every()), {name for first, _ in drawn.values() for name in first})

    def test_another_one_is_tried_for_one_that_does_not_take_place(self):
        tried = []
        made = faults_test.Round.__new__(faults_test.Round)
        made.test = self
        made.faults = types.SimpleNamespace(do=lambda name: tried.append(name) or name == "other")
        made.one_of("failover", ["another", "other", "unused"])
        self.assertEqual(["failover", "failover", "another", "other"], tried)
        with self.assertRaises(AssertionError):
            made.one_of("failover", [])


if __name__ == "__main__":
    unittest.main(verbosity=1)
