"""The one line with which a script ends: what is wrong, in which file, what to do; and the exit code."""

USAGE, BAD_INPUT, IO = 2, 3, 6


class Refusal(Exception):
    """What is wrong, and what to do; with the exit code."""

    def __init__(self, code, message):
        super().__init__(" ".join(message.split()))  # one line, whatever names a file has inside
        self.code = code


def shown(value, limit=60):
    """A name out of a file, fit for a line: no control characters, not too long."""
    text = "".join(letter if letter.isprintable() else "?" for letter in str(value))
    return text if len(text) <= limit else text[:limit] + ".."


def listed(names, limit=8):
    """The first few names, and how many more there are."""
    names = [shown(name) for name in names]
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def two_lines(path):
    """What to type where the model's own classes are at hand, for who trusts the file."""
    return ("where it was made, in Python (which runs what is in it): import torch; "
            f"model = torch.load({shown(str(path), 200)!r}, weights_only=False); torch.save(model.state_dict(), 'state_dict.pt')")
