"""Two folders of one community become one: what two laptops made apart."""
