#!/usr/bin/env python3
"""Images per second of an exported network in ONNX Runtime, from raw pixels to probabilities, on made-up pictures.

  onnx_side.py [--threads N] MODEL.onnx BATCH STEPS

Prints them by the clock (the median batch) and of the processor's time.
"""

import argparse
import statistics
import time

import numpy
import onnxruntime


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("model")
    parser.add_argument("batch", type=int)
    parser.add_argument("steps", type=int)
    arguments = parser.parse_args()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = arguments.threads, 1
    session = onnxruntime.InferenceSession(arguments.model, options, providers=["CPUExecutionProvider"])
    pixels = session.get_inputs()[0]
    shape = (arguments.batch, *pixels.shape[1:])
    # Stored pixels are bytes, as mien has them; the network takes them as numbers.
    stored = numpy.random.default_rng(1).integers(0, 256, shape, numpy.uint8)
    run = lambda: session.run(["probabilities"], {pixels.name: stored.astype(numpy.float32)})
    run(), run()
    seconds, processor = [], time.process_time()
    for _ in range(arguments.steps):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    processor = time.process_time() - processor
    print(arguments.batch / statistics.median(seconds), arguments.batch * arguments.steps / processor)


if __name__ == "__main__":
    main()
