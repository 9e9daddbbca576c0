"""Golden data for the resizing test: Pillow's own output. Needs Pillow (made with 13.0.0).

    python tests/golden/resize.py tests/golden/resize.bin

One record per case: five little-endian int32 (width, height, channels, new width, new height), one int32 filter
(3 bicubic, 1 Lanczos), then the input's bytes and the output's. Channels 4 is RGBA.
"""
import random
import struct
import sys

from PIL import Image

CASES = [
    (37, 23, 3, 16, 9), (16, 9, 3, 37, 23), (40, 30, 3, 40, 11), (29, 31, 3, 7, 31), (5, 7, 3, 1, 1), (1, 1, 3, 4, 3),
    (64, 48, 3, 63, 47), (33, 20, 4, 12, 9), (12, 9, 4, 25, 21),
]


def picture(width, height, channels, rng):
    """Noise, gradients and hard black and white edges, so that overshoot is clipped on both sides."""
    data = bytearray()
    for y in range(height):
        for x in range(width):
            edge = 255 if (x // 5 + y // 4) % 2 else 0
            for c in range(channels):
                data.append([edge, rng.randrange(256), (x * 7 + y * 13) % 256, rng.choice([0, 40, 200, 255])][c])
    return bytes(data)


def main(path):
    rng = random.Random(7)
    with open(path, "wb") as out:
        for width, height, channels, new_width, new_height in CASES:
            for resample in (Image.Resampling.BICUBIC, Image.Resampling.LANCZOS):
                data = picture(width, height, channels, rng)
                image = Image.frombytes("RGB" if channels == 3 else "RGBA", (width, height), data)
                resized = image.resize((new_width, new_height), resample)
                out.write(struct.pack("<6i", width, height, channels, new_width, new_height, int(resample)))
                out.write(data + resized.tobytes())


if __name__ == "__main__":
    main(sys.argv[1])
