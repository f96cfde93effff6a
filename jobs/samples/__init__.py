"""Samples and labels as they lie on people's disks, for to_npy.py: each reader gives (samples, labels or None, notes).

arrays.py  tensors and arrays in what torch.save or pickle wrote
cifar.py   CIFAR's batches, binary or pickled
table.py   CSV
"""
