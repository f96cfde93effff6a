"""Kernel regression by NumPy in float64, written from the formulas: what `tangram regress` is compared with."""

import numpy


def by_outputs(K, C):
    """(N C, N C) of the kernel of one output, the same for all C: K x 1."""
    return numpy.kron(K, numpy.eye(C))


def regress(K, Y, f0, ridge, Kx=None, fx=None, D=None):
    """K (n, n), Y and f0 (N, C) with n = N or N C. A dict of all numbers at one ridge above 0, or at 0 of a K without null modes."""
    N, C = Y.shape
    n, unit = len(K), len(K) // N
    R = (Y - f0).reshape(n, -1)
    A = K + ridge * numpy.eye(n)
    inverse = numpy.linalg.inv(A)
    inverse = (inverse + inverse.T) / 2
    alpha = numpy.linalg.solve(A, R)
    sides = R.shape[1]
    out = {"coefficients": alpha.reshape(N, C), "train": f0 + (K @ alpha).reshape(N, C)}
    left, weighted = numpy.empty_like(R), inverse @ R
    for i in range(N):
        rows = slice(i * unit, (i + 1) * unit)
        left[rows] = numpy.linalg.solve(inverse[rows, rows], weighted[rows])
    out["left_out"] = Y - left.reshape(N, C)
    out["left_residuals"] = left
    out["gcv"] = (alpha**2).sum() / n / (numpy.trace(inverse) / n) ** 2
    out["freedom"] = numpy.trace(K @ inverse)
    out["likelihood"] = -0.5 * (R * alpha).sum() - sides / 2 * numpy.linalg.slogdet(A)[1] - n * sides / 2 * numpy.log(2 * numpy.pi)
    if Kx is None:
        return out
    M = len(fx)
    out["test"] = fx + (Kx @ alpha).reshape(M, C)
    explained = (Kx @ inverse).reshape(M, unit, n) @ Kx.reshape(M, unit, n).transpose(0, 2, 1)
    if D is not None:
        out["variance"] = D - explained.reshape(D.shape)
    out["G"] = Kx @ inverse  # (m, n)
    return out


def flow(K, Y, f0, tau, Kx=None, fx=None):
    """Training and test predictions at time tau of df/dtau = -K (f - Y); modes below the noise of float64 count as zero."""
    N, C = Y.shape
    values, V = numpy.linalg.eigh(K)
    counts = values > numpy.finfo("f8").eps * numpy.linalg.norm(K)
    safe = numpy.where(counts, values, 1.0)
    g = numpy.where(counts, -numpy.expm1(-safe * tau) / safe, 0.0)
    q = V.T @ (Y - f0).reshape(len(K), -1)
    alpha = V @ (g[:, None] * q)
    train = f0 + (K @ alpha).reshape(N, C)
    return train, None if Kx is None else fx + (Kx @ alpha).reshape(len(fx), C)
