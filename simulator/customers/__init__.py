"""Who the customers are: what is known of them, what nobody can see, what they buy, how they answer."""
