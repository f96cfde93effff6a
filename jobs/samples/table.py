"""CSV: rows of numbers, and perhaps a column of labels. Separated by commas, semicolons, tabs or blanks; a first row of names."""

import array
import csv

import numpy

from checkpoints.refusal import BAD_INPUT, IO, Refusal, listed, shown

SEPARATORS = ",;\t "


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def rows_of(path):
    """The rows, as lists of text; empty lines are left out."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            separator = next((mark for mark in SEPARATORS if mark in first.strip()), ",")
            file.seek(0)
            for row in csv.reader(file, delimiter=separator, skipinitialspace=True):
                if any(cell.strip() for cell in row):
                    yield [cell.strip() for cell in row]
    except OSError as error:
        raise Refusal(IO, f"cannot read ({path}): {error.strerror}: name a file that can be read") from None
    except (UnicodeDecodeError, csv.Error):
        raise Refusal(BAD_INPUT, f"no table of text ({path}): name a CSV file in UTF-8") from None


def label_place(labels, names, width, path):
    """The number of the column that --labels names, by its name or counted from 0 (-1: the last)."""
    if names and labels in names:
        return names.index(labels)
    try:
        place = int(labels)
    except ValueError:
        place = width
    if not -width <= place < width:
        raise Refusal(BAD_INPUT, f"no column {shown(labels)} ({path}, {width} columns): " +
                      (f"there is {listed(names)}" if names else f"count from 0 to {width - 1}"))
    return place % width


def as_labels(texts):
    """(labels, notes): integers, numbers, or the classes' numbers in the order of their names."""
    if all(is_number(text) for text in texts):
        values = numpy.array([float(text) for text in texts])
        return (values.astype("i8"), []) if (values == numpy.round(values)).all() and (abs(values) < 2**53).all() else (values, [])
    classes = sorted(set(texts))
    return numpy.array([classes.index(text) for text in texts]), [f"classes 0 to {len(classes) - 1}: {listed(classes, 20)}"]


def read(path, labels):
    """(samples (N, d) of float64, labels (N) or None, notes)."""
    names, width, place, values, texts = None, None, None, array.array("d"), []
    for number, row in enumerate(rows_of(path), 1):
        if width is None:
            width = len(row)
            names = row if not any(map(is_number, row)) else None
            place = label_place(labels, names, width, path) if labels else None
            if names:
                continue
        if len(row) != width:
            raise Refusal(BAD_INPUT, f"row {number} has {len(row)} columns, the first {width} ({path}): mend that row")
        if place is not None:
            texts.append(row.pop(place))
        try:
            values.extend(map(float, row))
        except ValueError:
            wrong = next(i for i, cell in enumerate(row) if not is_number(cell))
            raise Refusal(BAD_INPUT, f"no number in row {number}, column {wrong}: {shown(row[wrong])} ({path}): mend it, or name a column "
                                     "of classes with --labels") from None
    if not values:
        raise Refusal(BAD_INPUT, f"no rows of numbers ({path}): name a CSV file")
    samples = numpy.frombuffer(values).reshape(-1, width - (place is not None))
    notes = [f"the first row has the columns' names: {listed(names)}"] if names else []
    if place is None:
        return samples, None, notes
    found, more = as_labels(texts)
    return samples, found, notes + more
