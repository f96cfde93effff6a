"""Prints what the notebook printed beside what tangram found: side_by_side.py FOLDER-OF-KERNEL-FILES

The notebook printed float32. A number agrees when it is within a few units of float32's last place (1e-6 of itself)."""

import sys

import h5py
import numpy

TOTAL = "total"
WEIGHTS = "total of the weights"

# case, what the notebook compared, [(quantity, how the notebook got it, the first entries that it printed)]
PRINTED = [
    ("with_bias", "1. with biases, the total", [
        (TOTAL, "NTK_easy, autograd_NTK", ["54.521683", "86.76405"]),
        (WEIGHTS, "weights-only total", ["45.40515", "77.647514"]),
    ]),
    ("without_bias", "2. without biases, weight by weight", [
        ("d1.weight", "autograd, by hand, layerwise", ["2.875438", "12.974344"]),
        ("d2.weight", "autograd, by hand, layerwise", ["0.74225026"]),
        ("d3.weight", "autograd, by hand, layerwise", ["0.5682735"]),
    ]),
    ("by_hand", "3. J J^T with a Jacobian by hand", [
        (TOTAL, "J J^T", ["3.973685", "15.353924"]),
        ("d1.weight", "J J^T of the first layer", ["1.1859366", "5.351098"]),
    ]),
]
LAYERWISE_TOTAL = 160.76  # the notebook's layerwise total with biases, where autograd gave 54.52


def quantity(file, name):
    if name == TOTAL:
        return file["ntk"][:]
    if name == WEIGHTS:
        return sum(c[:] for tensor, c in file["components"].items() if tensor.endswith(".weight"))
    return file["components"][name][:]


def digits(value):
    """float32 as it prints, in the fewest digits that tell it from its neighbours."""
    return str(numpy.float32(value))


def print_comparison(file, title, rows):
    """Returns whether every number agrees."""
    print(f"\n{title}\n  {'quantity':22} {'entry':8} {'the notebook':>12} {'tangram':>12} {'relative':>9}  by the notebook's")
    agree = True
    for name, method, printed in rows:
        for column, text in enumerate(printed):
            found = quantity(file, name)[0, column]
            difference = abs(found / float(text) - 1)
            agree = agree and difference < 1e-6
            print(f"  {name:22} [0, {column}]   {text:>12} {digits(found):>12} {difference:9.0e}  {method}")
    return agree


def print_open_question(file):
    """Why the notebook's layerwise total was off: every component, checked by tangram against the explicit Jacobian."""
    total = file["ntk"][0, 0]
    print(f"\nThe open question: {LAYERWISE_TOTAL} layerwise against {total:.2f} by autograd, component by component at [0, 0]")
    print(f"  {'component':22} {'tangram':>12} {'scale':>12} {'relative':>9}   (against its explicit Jacobian)")
    checks = file["checks"]
    for name, scale, error in zip(checks["component"].asstr()[:], checks["scale"][:], checks["relative_error"][:]):
        print(f"  {name:22} {digits(file['components'][name][0, 0]):>12} {scale:12.7f} {error:9.0e}")
    weights = quantity(file, WEIGHTS)[0, 0]
    print(f"  {'the weights':22} {digits(weights):>12}   the notebook's too, above")
    print(f"  {'the biases':22} {digits(total - weights):>12}   the notebook's layerwise: {LAYERWISE_TOTAL - weights:.2f}")
    biases = [c[:] for name, c in file["components"].items() if name.endswith(".bias")]
    constant = all(numpy.ptp(c) <= 1e-6 * c.max() for c in biases)
    print(f"Its weights were right; its biases were {LAYERWISE_TOTAL - total:.2f} too large. In a linear network every bias component "
          f"is {'' if constant else 'NOT '}the same\nin all entries, so its total was off by one constant and no factor could mend it.")


def main(folder):
    agree = True
    for case, title, rows in PRINTED:
        with h5py.File(f"{folder}/notebook_{case}.h5") as file:
            agree = print_comparison(file, title, rows) and agree
            if case == "with_bias":
                print_open_question(file)
    print("\nevery number that the notebook printed is reproduced" if agree else "\nsome numbers DIFFER from the notebook's")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
