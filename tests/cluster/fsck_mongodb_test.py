#!/usr/bin/python3
"""`windfall fsck --config` where the ledger is in a MongoDB: it finds every planted violation, and nothing in a sound or a busy installation.

environment: WINDFALL = the binary
"""

import os
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "scripts")]

import founded  # noqa: E402
import pymongo  # noqa: E402
from founded import CODES, DICE, LOTTERY  # noqa: E402


class FsckMongodbTest(founded.FoundedInstallation):
    LEDGER = "mongodb"
    PARTS = ("redis", "kafka", "postgres", "ferretdb", "sandbox", "windfall")
    # FerretDB looks at every document for each that a batch asks for: a crowd would leave it behind.
    CROWD = 2
    CROWD_RESTS_S = 0.2

    @classmethod
    def ledger(cls):
        return pymongo.MongoClient(cls.cluster.env["CLUSTER_MONGO_URL"], tz_aware=True).get_default_database()

    @classmethod
    def counts(cls):
        draws = list(cls.ledger().draws.find())
        coupons = [draw["coupon"] for draw in draws if draw.get("coupon")]
        waiting = [draw for draw in draws if draw.get("waitsForCode")]
        coded = [coupon for coupon in coupons if coupon["ordinal"] is not None]
        used = [coupon for coupon in coupons if coupon["usedAt"] is not None]
        anew = [coupon for coupon in coded if coupon["issue"] > 0]
        voided = [draw for draw in draws if draw.get("voided")]
        open_effects = cls.psql("select count(*) from effect where state < 3")[0]
        return [str(len(draws)), open_effects, *(str(len(each)) for each in (waiting, coded, used, anew, voided))]

    def planted_in(self, collection, which, change, *expected):
        """One document of those is changed (None: deleted), found out, and put back."""
        rows = self.ledger()[collection]
        before = rows.find_one(which, sort=[("sequence", 1)])
        self.assertIsNotNone(before, (collection, which))
        same = {"_id": before["_id"]}
        plant = (lambda: rows.delete_one(same)) if change is None else (lambda: rows.update_one(same, {"$set": change}))
        undo = (lambda: rows.insert_one(before)) if change is None else (lambda: rows.replace_one(same, before))
        self.planted(plant, undo, *expected)

    def test_3_every_violation_that_is_planted_is_found_and_named(self):
        numbers = {row["id"]: row["partition"] for row in self.ledger().promotions.find()}
        join = {"promotionId": "1", "sequence": 3}
        self.planted_in("events", {"partition": numbers["1"], "sequence": 5}, None, "does not follow event 4", "have gaps")
        self.planted_in("participations", join, None, "promotion 1", "event 3: its participation is missing")
        self.planted_in("participations", join, {"rewardAmount": 501}, "promotion 1", "event 3: its participation is not what the log says", "totals of partition")
        self.planted_in("participations", join, {"day": "2020-01-01"}, "promotion 1", "event 3: its participation is not what the log says")
        won = {"promotionId": DICE, "prize": 0, "coupon": {"$exists": True}, "voided": 0}
        self.planted_in("draws", won, {"prize": 1}, f"promotion {DICE}", "what its draw won is not what the log says")
        self.planted_in("draws", {"promotionId": DICE}, {"serial": 100000}, f"promotion {DICE}", "draws differ from event")
        self.planted_in("draws", {"promotionId": DICE}, None, f"promotion {DICE}", "draws differ from event", "lotteryTotals of partition")
        self.planted_in("draws", {"promotionId": DICE, "coupon.issue": 1}, {"coupon.issue": 0}, "coupon ", "is not what the log says")
        self.planted_in("draws", {"promotionId": LOTTERY, "coupon.ordinal": 0}, {"coupon.ordinal": CODES - 1}, "coupon ", "is not what the log says")
        self.planted_in("segments", {"partition": numbers[DICE]}, {"quota": 29}, f"promotion {DICE}", "segments are not those of its log")
        self.planted_in("tickets", {"partition": numbers[DICE]}, {"tickets": 9}, "lotteryTotals of partition")
        self.planted_in("lotteryTotals", {"_id": numbers[DICE]}, {"drawn": 1}, "lotteryTotals of partition", "counts of tickets, draws and wins are not those")
        self.planted_in("audit", {"_id": 2}, {"reason": "none"}, "audit 2", "was changed, taken out or put in")
        self.planted_by_sql("update effect set amount = 5000 where no = (select min(no) from effect where kind = 0)",
                            "update effect set amount = 500 where no = (select min(no) from effect where kind = 0)",
                            "effect ", "is 5000 points of promotion", "the log says 500")  # fmt: skip
        kept = "create table kept as select * from effect where no = (select max(no) from effect where kind = 0)"
        self.planted_by_sql(f"{kept}; delete from effect where no in (select no from kept)", "insert into effect select * from kept; drop table kept",
                            "effect ", "points of promotion", "is not there")  # fmt: skip
        notice = "(select min(no) from effect where kind = 1)"
        self.planted_by_sql(f"{kept.replace('max(no)', 'min(no)').replace('kind = 0', 'kind = 1')}; delete from effect where no = {notice}",
                            "insert into effect select * from kept; drop table kept", "I10", "effect ", "is not there")  # fmt: skip
        self.assertIn("ok", self.windfall("fsck"))


if __name__ == "__main__":
    if not os.access(os.environ.get("WINDFALL", ""), os.X_OK):
        sys.exit("set WINDFALL to the path of the windfall binary")
    unittest.main(verbosity=2)
