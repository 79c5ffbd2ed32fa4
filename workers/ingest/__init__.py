"""Events come in over HTTP: checked, made facts, and accepted once the broker has them."""
