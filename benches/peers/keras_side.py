#!/usr/bin/env python3
"""What the reference does, by its own means: Keras with ImageDataGenerator on a folder of images.

  keras_side.py fit FOLDER EPOCHS [BATCH]     trains the small network; for every epoch: training images a second,
                                              seconds with validation
  keras_side.py read FOLDER                   scans train/ and test/, then reads every image once; prints the seconds of
                                              both together

FOLDER holds train/CLASS/* and test/CLASS/*. Needs tensorflow-cpu, scipy and pillow.
"""

import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf  # noqa: E402

keras, ImageDataGenerator = tf.keras, tf.keras.preprocessing.image.ImageDataGenerator

KIND = dict(target_size=(48, 48), color_mode="grayscale", class_mode="categorical")


class Clock(keras.callbacks.Callback):
    """Seconds of an epoch's training, and with its validation."""

    def __init__(self, images):
        super().__init__()
        self.images, self.training = images, None

    def on_epoch_begin(self, epoch, logs=None):
        self.begun, self.training = time.perf_counter(), None

    def on_test_begin(self, logs=None):
        # The first test of an epoch is its validation.
        self.training = self.training or time.perf_counter() - self.begun

    def on_epoch_end(self, epoch, logs=None):
        print(self.images / self.training, time.perf_counter() - self.begun, file=FIGURES, flush=True)


def fit(folder, epochs, batch=32):
    layers = keras.layers
    varied = ImageDataGenerator(
        rescale=1 / 255.0,
        rotation_range=15,
        zoom_range=0.15,
        width_shift_range=0.1,
        height_shift_range=0.1,
        horizontal_flip=True,
        validation_split=0.1,
    )
    plain = ImageDataGenerator(rescale=1 / 255.0, validation_split=0.1)
    training = varied.flow_from_directory(f"{folder}/train", subset="training", batch_size=batch, **KIND)
    validation = plain.flow_from_directory(f"{folder}/train", subset="validation", batch_size=batch, **KIND)
    network = keras.Sequential(
        [
            layers.Input((48, 48, 1)),
            layers.Conv2D(32, 3, activation="relu", padding="same"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu", padding="same"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(7, activation="softmax"),
        ]
    )
    network.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    network.fit(training, validation_data=validation, epochs=epochs, verbose=0, callbacks=[Clock(training.samples)])


def read(folder):
    start = time.perf_counter()
    generator = ImageDataGenerator(rescale=1 / 255.0)
    splits = [
        generator.flow_from_directory(f"{folder}/{split}", shuffle=False, batch_size=256, **KIND)
        for split in ("train", "test")
    ]
    images = sum(len(split[index][0]) for split in splits for index in range(len(split)))
    print(time.perf_counter() - start, images, file=FIGURES)


def main():
    what, *rest = sys.argv[1:]
    if what == "fit":
        fit(rest[0], *map(int, rest[1:]))
    elif what == "read":
        read(rest[0])
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    # Keras tells what it found on the stdout that the figures go to.
    FIGURES, sys.stdout = sys.stdout, sys.stderr
    main()
