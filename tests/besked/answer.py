"""Runs a command at a terminal and gives it answers: answer.py COMMAND... -- ANSWER...

Each answer is given when the command has asked and waits. Prints what the terminal showed; exits as the command did.
"""

import os
import pty
import select
import sys

split = sys.argv.index("--")
command, answers = sys.argv[1:split], sys.argv[split + 1:]

pid, terminal = pty.fork()
if pid == 0:
    os.execv(command[0], command)

shown = b""
while True:
    # A question is a line that does not end; the command is then silent.
    ready, _, _ = select.select([terminal], [], [], 1.5)
    if ready:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    elif answers:
        os.write(terminal, answers.pop(0).encode() + b"\r")
    else:
        sys.exit(f"it waits for an answer that there is not:\n{shown.decode(errors='replace')}")

_, status = os.waitpid(pid, 0)
print(shown.decode(errors="replace"))
sys.exit(os.waitstatus_to_exitcode(status))
