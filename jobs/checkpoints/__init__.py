"""Reads what torch.save and pickle wrote, with NumPy alone and without running anything that is in it.

values.py      what a file can hold: storages, tensors, arrays, and what is passed over
unpickler.py   a stack machine for pickles that imports nothing and calls nothing but known.py
known.py       the closed table of functions that a pickle may name
archives.py    the formats round the pickles: zip, the older one, plain pickles, .npz
choose.py      which of the dictionaries is the state_dict, and its names
sharing.py     tensors that lie on top of each other
safetensors.py what is written
output.py      writing it
refusal.py     one line that says what is wrong and what to do
"""
