"""A job that remembers signals ends when it should, whatever its main thread is at."""

import os
import signal
import subprocess
import sys
import time

import pytest

from msrnet_cli.signals import EXIT_CODES

if not hasattr(signal, "pthread_sigmask"):
    pytest.skip("signals of POSIX", allow_module_level=True)

BEGIN = """
import ctypes, multiprocessing, os, signal, sys, threading, time
from msrnet_cli import signals
signals._PATIENCE = 0.5

def stuck():
    # As in a library: a signal reaches the process, and no call of the main thread.
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    ctypes.CDLL(None).sleep(60)

def ready():
    print("ready", flush=True)

with signals.remembered() as stop:
"""
WORKS = """
    stop()
    ready()
    for _ in range(60 * 50):
        time.sleep(0.02)
        if stop():
            break
    time.sleep(1)
    print(stop(), flush=True)
"""
STUCK = """
    {first}
    ready()
    stuck()
"""
LOADS = """
    ready()
    try:
        time.sleep(60)
    except signals.Stopped as stopped:
        print(stopped.signal, flush=True)
"""
HAS_A_CHILD = """
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    child.start()
    os.kill(child.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED)
    stop()
    ready()
    os.waitid(os.P_PID, child.pid, os.WCONTINUED)
    while not stop():
        time.sleep(0.01)
    child.kill()
    print(stop(), flush=True)
"""


@pytest.fixture
def start():
    started = []

    def begin(body):
        command = [sys.executable, "-c", BEGIN + body]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def told(process, within=20):
    out, _ = process.communicate(timeout=within)
    return out.strip(), process.returncode


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_remembered_once_the_work_has_begun(start, number):
    process = start(WORKS)
    process.send_signal(number)
    assert told(process) == (number.name, 0)


def test_a_signal_to_a_process_and_to_its_group_is_one(start):
    process = start(WORKS)
    for _ in range(3):  # as `timeout` sends it, and shells that pass Ctrl-C on
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    assert told(process) == ("SIGINT", 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_before_the_work_begins_a_signal_ends_it(start, number):
    process = start(LOADS)
    process.send_signal(number)
    assert told(process) == (number.name, 0)


def test_a_second_signal_ends_what_lets_no_signal_through(start):
    process = start(STUCK.format(first="stop()"))
    process.send_signal(signal.SIGTERM)
    time.sleep(0.8)
    assert process.poll() is None, "the work may still reach a safe place"
    process.send_signal(signal.SIGINT)
    assert told(process) == ("", EXIT_CODES["SIGTERM"])


def test_before_the_work_begins_one_signal_ends_what_lets_none_through(start):
    process = start(STUCK.format(first=""))
    process.send_signal(signal.SIGINT)
    assert told(process) == ("", EXIT_CODES["SIGINT"])


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="children's states are unknown")
def test_a_child_that_was_stopped_goes_on_to_end_with_its_parent(start):
    process = start(HAS_A_CHILD)
    process.send_signal(signal.SIGINT)
    assert told(process) == ("SIGINT", 0)
