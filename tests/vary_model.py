#!/usr/bin/env python3
"""vary_model.py SOURCE TARGET MASK SHARE SEED: the one-file BF16 model of SOURCE with bits of MASK turned at random in a SHARE of its weights."""
import array, os, random, sys
source, target, mask, share, seed = *sys.argv[1:3], int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])
rng = random.Random(seed)
os.makedirs(target)
data = open(source + "/model.safetensors", "rb").read()
start = 8 + int.from_bytes(data[:8], "little")
weights = array.array("H", data[start:])
for i in range(len(weights)):
    if share == 1 or rng.random() < share:
        weights[i] ^= rng.getrandbits(16) & mask
open(target + "/model.safetensors", "wb").write(data[:start] + weights.tobytes())
