"""What the advice of the refused cases leads to: the model as its owner has it in Python, exported by jobs/export.py, gives the right
kernel."""

import h5py

from cases import CASES, assert_right, expected, run
from harness import each, need
from test_export import exported


def models(torch):
    """{case: its module}, written as their owners would."""
    from torch import nn

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc_in, self.fc_out = nn.Linear(2, 8), nn.Linear(8, 1)
            self.blocks = nn.ModuleList(nn.ModuleDict({"fc": nn.Linear(8, 8)}) for _ in range(3))

        def forward(self, x):
            h = torch.tanh(self.fc_in(x))
            for block in self.blocks:
                h = h + torch.tanh(block["fc"](h))
            return self.fc_out(h)

    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.fc_out = nn.Linear(3, 3), nn.Linear(3, 1)

        def forward(self, x):
            return self.fc_out(torch.relu(self.fc(torch.relu(self.fc(x)))))

    class Joined(nn.Module):
        def __init__(self):
            super().__init__()
            self.pts_linears = nn.ModuleList([nn.Linear(3, 8), nn.Linear(8, 8), nn.Linear(11, 8), nn.Linear(8, 8)])
            self.output_linear = nn.Linear(8, 4)

        def forward(self, x):
            h = x
            for place, layer in enumerate(self.pts_linears):
                h = torch.relu(layer(torch.cat([x, h], -1) if place == 2 else h))
            return self.output_linear(h)

    class Inside(nn.Module):
        """Names begin with net.model."""

        def __init__(self, model):
            super().__init__()
            self.net = nn.ModuleDict({"model": model})

        def forward(self, x):
            return self.net["model"](x)

    norms = nn.Sequential(nn.Linear(5, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, 12), nn.BatchNorm1d(12), nn.ReLU(),
                          nn.Linear(12, 3))
    return {
        "resmlp": Residual(), "shared": Shared(), "skipcat": Joined(), "litbn": Inside(norms),
        "hidden_ln": nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8, elementwise_affine=False), nn.ReLU(), nn.Linear(8, 2)),
        "layernorm": nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 2)),
        "tokens": nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 2)),
    }


@each({case: (case,) for case in ("resmlp", "shared", "skipcat", "litbn", "hidden_ln", "layernorm", "tokens")})
def test_a_model_that_a_state_dict_does_not_tell_is_right_by_onnx(folder, case):
    torch = need("torch")
    (checkpoint,) = [*CASES.glob(f"{case}.pt"), *CASES.glob(f"{case}.ckpt")]
    state = torch.load(checkpoint, map_location="cpu")
    model = models(torch)[case]
    model.load_state_dict(state.get("state_dict", state))
    with h5py.File(CASES / f"{case}.h5") as file:
        samples = torch.as_tensor(file["x"][:], dtype=torch.float64)
    exported(model.double(), samples, folder / "net.onnx")
    done, kernel = run(folder, folder / "net.onnx", CASES / f"{case}.h5:x", "--expect-outputs", CASES / f"{case}.h5:y")
    assert_right(done, kernel, expected(case))
