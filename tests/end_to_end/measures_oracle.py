"""What the tests of measures and of drift compare with: the definitions, by NumPy on whole kernels."""

import numpy


def one_hot(labels, outputs):
    return (numpy.asarray(labels)[:, None] == numpy.arange(outputs)[None]).astype("f8")


def kernels_of(file, Y):
    """{name: float64 matrix}, Y Y^T among them."""
    tensors = {file["components"][name].attrs["tensor"]: file["components"][name][:].astype("f8") for name in file["components"]}
    kernels = {"ntk": file["ntk"][:].astype("f8"), **tensors}
    return kernels if Y is None else {**kernels, "targets": Y[0] @ Y[1].T}


def centred(K, R):
    """H K H, H = 1 - 1 1^T / N over samples of R rows."""
    blocks = K.reshape(len(K) // R, R, K.shape[1] // R, R)
    blocks = blocks - blocks.mean(0, keepdims=True)
    return (blocks - blocks.mean(2, keepdims=True)).reshape(K.shape)


def cosine_of_centred(K, L, R):
    """NaN where one of them is constant but for rounding."""
    A, B = centred(K, R), centred(L, R)
    norms = [numpy.linalg.norm(M) for M in (A, B)]
    is_zero = any(norm <= 1e-6 * numpy.linalg.norm(M) for norm, M in zip(norms, (K, L)))
    return numpy.nan if is_zero else (A * B).sum() / norms[0] / norms[1]


def unbiased_hsic(K, L, R):
    """By the definition's sums over pairs of different samples, with einsum."""
    n = len(K) // R
    K, L = (M.reshape(n, R, n, R).transpose(1, 3, 0, 2) * (1 - numpy.eye(n)) for M in (K, L))
    total = (K * L).sum() + (K.sum((2, 3)) * L.sum((2, 3))).sum() / ((n - 1) * (n - 2))
    return (total - 2 / (n - 2) * (K.sum(3) * L.sum(3)).sum()) / (n * (n - 3))


def close(found, expected, what, limit=1e-12, size=None):
    found, expected = numpy.asarray(found, "f8"), numpy.asarray(expected, "f8")
    assert found.shape == expected.shape, (what, found.shape, expected.shape)
    scale = numpy.abs(expected).max() if size is None else size
    assert (numpy.isnan(found) == numpy.isnan(expected)).all(), (what, found, expected)
    off = numpy.abs(found - expected)[~numpy.isnan(expected)]
    assert (off <= limit * scale).all(), (what, found, expected)
