SELECT number FROM handled WHERE number <= ?1 GROUP BY number HAVING count(*) > 1
