"""What a ledger in MongoDB holds, read by a client that is not Windfall's, in the words of books.py's readers."""

import pymongo


def read(url):
    """(partitions by promotion, participations, events, draws), each row as psql would give it: all text, times in UTC to the millisecond."""
    ledger = pymongo.MongoClient(url, tz_aware=True).get_default_database()
    names = {row["_id"]: row["userId"] for row in ledger.identities.find()}
    numbers = {row["id"]: str(row["partition"]) for row in ledger.promotions.find()}
    joins = [
        [row["_id"], row["promotionId"], names.get(row["userRef"], row["userRef"]), row["day"], str(row["rewardAmount"]), row["effectId"] or "", text_of(row["at"])]
        for row in ledger.participations.find()
    ]
    events = [[str(row["partition"]), str(row["epoch"]), str(row["sequence"]), str(row["at"].timestamp())] for row in ledger.events.find()]
    draws = [[names.get(row["userRef"], row["userRef"]), row.get("effectId") or ""] for row in ledger.draws.find()]
    return numbers, joins, events, draws


def text_of(at):
    return at.isoformat(timespec="milliseconds").replace("+00:00", "") + "Z"
