# SPDX-License-Identifier: Apache-2.0
"""Finds the transmissions of a run: which send belongs to which receipt."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import Any

from mobula._trace.run import DAEMON, SENDS, Event, Run, Transmission


def pair(
    run: Run, losses: list[tuple[dict[str, Any], int]], numbered: dict[tuple[int, int], int]
) -> None:
    """Fills in the transmissions of a run.

    A simulation's receipts name their cause. In a real run sends and receipts of one message carry
    one key; of equal ones, the first that was sent is the first that is received.
    """
    sent = _find_sends(run)
    daemons = {lane.node: index for index, lane in enumerate(run.lanes) if lane.kind == DAEMON}
    unmatched: dict[str, deque[Transmission]] = defaultdict(deque)
    matched: dict[str, Transmission] = {}
    by_event: dict[int, list[Transmission]] = defaultdict(list)
    for transmission in sent.values():
        by_event[transmission.source].append(transmission)
    for index, event in enumerate(run.events):
        if event.cause in sent:
            _receive(run, sent[event.cause], index)
        else:
            _take_by_key(run, index, event, unmatched, matched)
        for transmission in by_event.get(index, ()):
            key = event.line["effects"][transmission.effect].get("key")
            if key is not None:
                unmatched[key].append(transmission)
    for line, lane in losses:
        source = numbered.get((line.get("file", 0), line["cause"][0]), -1)
        if (source, line["cause"][1]) not in sent:
            continue  # A timer of the dead.
        one = sent[source, line["cause"][1]]
        if one.target is None:
            one.lost, one.lost_ns, one.lost_lane = line["lost"], line["at_ns"], lane
            if one.remote and lane == run.events[source].lane:
                # Lost on its way: it was to arrive at the other daemon.
                to = run.events[source].line["effects"][one.effect]["to"]
                one.lost_lane = daemons.get(to, lane)
    run.transmissions.sort(key=lambda one: (one.source, one.effect))


def _find_sends(run: Run) -> dict[tuple[int, int], Transmission]:
    sent = {}
    frames = set()
    for index, event in enumerate(run.events):
        for place, effect in enumerate(event.line.get("effects", ())):
            if effect["effect"] not in SENDS:
                continue
            transmission = Transmission(
                source=index,
                effect=place,
                message=effect.get("message", "chunk"),
                remote=effect["effect"] in ("SendFrame", "SendChunkTo"),
            )
            if effect.get("sequence"):
                frame = event.lane, effect["to"], effect["sequence"], _incarnations(effect["text"])
                transmission.repeated = frame in frames
                frames.add(frame)
            sent[index, place] = transmission
            run.transmissions.append(transmission)
    return sent


def _incarnations(frame: str) -> str:
    """The beginning of a frame's text names both nodes: another incarnation counts anew."""
    return frame.partition(", sequence")[0]


def _take_by_key(
    run: Run,
    index: int,
    event: Event,
    unmatched: dict[str, deque[Transmission]],
    matched: dict[str, Transmission],
) -> None:
    key = event.line.get("key")
    if key is None:
        return
    if unmatched[key]:
        matched[key] = unmatched[key].popleft()
        _receive(run, matched[key], index)
    elif key in matched:
        _receive(run, matched[key], index)


def _receive(run: Run, transmission: Transmission, index: int) -> None:
    run.events[index].cause = transmission.source, transmission.effect
    if transmission.target is None:
        transmission.target = index
        return
    run.transmissions.append(
        Transmission(
            source=transmission.source,
            effect=transmission.effect,
            target=index,
            message=transmission.message,
            remote=transmission.remote,
            duplicate=True,
        )
    )
