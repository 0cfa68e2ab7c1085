"""Runs a command at a terminal and gives it answers: answer.py COMMAND... -- ANSWER...

Each answer is given when the command has asked and waits. Prints what the terminal showed; exits as the command did.
"""

import os
import pty
import select
import sys
import termios

split = sys.argv.index("--")
command, answers = sys.argv[1:split], sys.argv[split + 1:]

pid, terminal = pty.fork()
if pid == 0:
    os.execv(command[0], command)


def asks():
    """A question is a line that does not end; the answer to the last one was a line of its own."""
    return len(shown) > answered and not shown.endswith(b"\n")


def hides(text):
    """A password is asked for by name, and must not be typed before the terminal hides it."""
    return b"assword" not in text or not termios.tcgetattr(terminal)[3] & termios.ECHO


shown, answered, silent = b"", 0, 0.0
while True:
    # The command is silent when it has asked. It is silent when it works, too, and has shown whole lines then.
    ready, _, _ = select.select([terminal], [], [], 0.5)
    if ready:
        silent = 0.0
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    elif asks() and hides(shown.rsplit(b"\n", 1)[-1]) and answers:
        answered = len(shown)
        os.write(terminal, answers.pop(0).encode() + b"\r")
    else:
        silent += 0.5
        if silent > 240 or silent > 5 and asks() and not answers:
            sys.exit(f"it waits for an answer that there is not:\n{shown.decode(errors='replace')}")

_, status = os.waitpid(pid, 0)
print(shown.decode(errors="replace"))
sys.exit(os.waitstatus_to_exitcode(status))
