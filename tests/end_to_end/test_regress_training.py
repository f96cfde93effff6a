"""Training of the linearised network, step by step in its parameters, by PyTorch: what `--steps` predicts."""

import h5py
import numpy

from harness import each, kernel, need, write_h5
from regress_job import close, run_regress
from test_losses import chain_tensors, case

STEPS = 200


def descended(J, J_test, f0, f_test, Y, rate, loss):
    """Outputs of f(theta_0) + J (theta - theta_0) after steps of torch.optim.SGD on all samples. J (N C, parameters)."""
    torch = need("torch")
    J, J_test = torch.from_numpy(J), torch.from_numpy(J_test)
    moved = torch.zeros(J.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([moved], lr=rate)
    start, wanted = torch.from_numpy(f0.ravel()), torch.from_numpy(Y.ravel())
    squares = {"mse": torch.nn.MSELoss(), "mean-half": lambda f, y: ((f - y) ** 2).mean() / 2, "sum": lambda f, y: ((f - y) ** 2).sum() / 2}[loss]
    for _ in range(STEPS):
        optimizer.zero_grad()
        squares(start + J @ moved, wanted).backward()
        optimizer.step()
    with torch.no_grad():
        return f0 + (J @ moved).numpy().reshape(f0.shape), f_test + (J_test @ moved).numpy().reshape(f_test.shape)


@each({f"{loss}, {ranks} ranks": (loss, ranks) for loss, ranks in (("sum", 1), ("mean-half", 2), ("mse", 3))})
def test_200_steps_of_descent_in_the_parameters_end_where_steps_of_the_full_kernel_say(folder, loss, ranks):
    words, network, x, C = case(folder, "chain")
    torch_gradients = __import__("torch_gradients")
    N = len(x)
    x_test = numpy.random.default_rng(8).normal(size=(5, x.shape[1]))
    path = write_h5(folder / "more.h5", x=x_test, y=numpy.random.default_rng(9).normal(size=(N, C)))
    for name, options in {"k.h5": (), "x.h5.cross": ("--test", f"{path}:x")}.items():
        kernel(words[0], words[1], folder / name, *words[2], "--reduction", "full", *options).close()
    rows = [numpy.concatenate(list(torch_gradients.gradients(network, points, torch_gradients.outputs).values()), axis=2) for points in (x, x_test)]
    J, J_test = (of.reshape(-1, of.shape[2]) for of in rows)
    with h5py.File(folder / "k.h5") as train, h5py.File(folder / "x.h5.cross") as cross, h5py.File(path) as more:
        f0, f_test, Y = train["outputs"][:], cross["test_outputs"][:], more["y"][:]
    scale = {"sum": 1, "mean-half": 1 / Y.size, "mse": 2 / Y.size}[loss]
    rate = 2e-3 / (numpy.linalg.eigvalsh(J @ J.T)[-1] * scale)  # so far below 2 / lambda that the steps are the flow to a thousandth
    train_f, test_f = descended(J, J_test, f0, f_test, Y, rate, loss)
    file, _ = run_regress(folder, folder / "k.h5", "--targets", f"{path}:y", "--test", folder / "x.h5.cross", "--steps", STEPS, "--learning-rate",
                          rate, "--loss", loss, ranks=ranks)
    with file:
        assert numpy.isclose(file["dynamics/times"][0], rate * scale * STEPS, rtol=1e-12)
        assert numpy.abs(train_f - f0).max() > 0.1  # they did move
        close(file["dynamics/train_predictions"][0] - f0, train_f - f0, "train", 1e-3)
        close(file["dynamics/test_predictions"][0] - f_test, test_f - f_test, "test", 1e-3)
