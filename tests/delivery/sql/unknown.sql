SELECT number FROM handled WHERE number < 1 OR number > ?1
