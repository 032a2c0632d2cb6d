"""What operators touch: the command ``marathon``, local servers, images, cycle files."""
