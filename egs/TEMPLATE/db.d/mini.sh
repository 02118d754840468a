MINI=downloads/mini # made on the spot by egs/mini
