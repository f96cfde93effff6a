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
# The notebook's layerwise total with biases, where autograd gave 54.52 at [0, 0].
LAYERWISE_TOTAL = {(0, 0): 160.76213, (0, 1): 193.00449, (0, 2): 200.97227, (1, 1): 284.4021, (1, 2): 267.01312,
                   (2, 2): 298.02045}


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
    """Where the notebook's layerwise total stood off: every component, checked by tangram against the explicit Jacobian, then the six
    entries of the total beside the notebook's."""
    print("\nThe open question: the notebook's layerwise total with biases. Our components at [0, 0], by tangram's own checks:")
    print(f"  {'component':22} {'tangram':>12} {'scale':>12} {'relative':>9}   (against its explicit Jacobian)")
    checks = file["checks"]
    for name, scale, error in zip(checks["component"].asstr()[:], checks["scale"][:], checks["relative_error"][:]):
        print(f"  {name:22} {digits(file['components'][name][0, 0]):>12} {scale:12.7f} {error:9.0e}")
    print(f"\n  {'total':22} {'notebook layerwise':>19} {'tangram':>12} {'difference':>11}")
    total = file["ntk"][:]
    differences = []
    for (row, column), printed in LAYERWISE_TOTAL.items():
        differences.append(printed - total[row, column])
        print(f"  {f'[{row}, {column}]':22} {printed:19.5f} {digits(total[row, column]):>12} {differences[-1]:11.4f}")
    biases = [c[:] for name, c in file["components"].items() if name.endswith(".bias")]
    constant = all(numpy.ptp(c) <= 1e-6 * c.max() for c in biases)
    print(f"Off by the constant {numpy.mean(differences):.2f} in every entry (to {numpy.ptp(differences):.0e}): an offset, which no factor "
          f"can mend.\nEvery bias component of this linear network is {'' if constant else 'NOT '}the same in all entries, so the numbers "
          "cannot say which one it came from.")


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
